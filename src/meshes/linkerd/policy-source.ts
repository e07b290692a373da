import type { PodRef } from '../../kube/types.ts';
import type { Cli } from './cli.ts';
import { readInboundPolicy, type InboundPolicy } from './inbound-policy.ts';
import { readOutboundPolicy, type OutboundPolicy } from './outbound-policy.ts';

/**
 * What the control plane tells proxies now. A proxy of Linkerd shows no configuration: this is the answer of the API that it asks,
 * in its name.
 */
export class PolicySource {
  readonly #cli: Cli;
  readonly #namespace: string;
  /** What is asked again in one look is not asked twice. */
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(cli: Cli, namespace: string) {
    this.#cli = cli;
    this.#namespace = namespace;
  }

  /** To callers in this namespace: Linkerd knows no others apart. */
  async outbound(service: string, port: number): Promise<OutboundPolicy> {
    return readOutboundPolicy(await this.outboundAnswer(service, port));
  }

  async inbound(pod: Pick<PodRef, 'name'>, port: number): Promise<InboundPolicy> {
    return readInboundPolicy(await this.inboundAnswer(pod, port), this.#namespace);
  }

  outboundAnswer(service: string, port: number): Promise<unknown> {
    return this.#ask(`svc/${service}`, port, ['--token', `${this.#namespace}:meshproof`]);
  }

  inboundAnswer({ name }: Pick<PodRef, 'name'>, port: number): Promise<unknown> {
    return this.#ask(`po/${name}`, port);
  }

  #ask(resource: string, port: number, more: readonly string[] = []): Promise<unknown> {
    const key = `${resource} ${port}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const args = ['diagnostics', 'policy', '-n', this.#namespace, '-o', 'json', resource, String(port), ...more];
    const asked = this.#cli(args).then(({ stdout }) => JSON.parse(stdout) as unknown);
    this.#known.set(key, asked);
    return asked;
  }
}
