import { readFileSync } from 'node:fs';

/**
 * Replies of admin ports of Envoy 1.40 under Consul 1.22.7 on a lab: `client` after 185 calls to `server` (2 replicas), 30
 * of them retried, 2 ended by the timeout. Zeros, text readouts and certificates are left out.
 *
 * `linkerd-…`: what `linkerd diagnostics policy -o json` printed on a lab, of a Linkerd built from its source (August 2026).
 * `linkerd-profile…`: of the same, `linkerd diagnostics profile` of a service with a ServiceProfile and of one without, and
 * `/metrics` of a proxy that had called it before it had one, by it with and without retries, and with everything failing
 * (all but the counters of routes and connections is left out).
 */
export function recorded(name: string, extension: 'json' | 'txt' = 'json'): string {
  return readFileSync(new URL(`recorded/${name}.${extension}`, import.meta.url), 'utf8');
}
