import type { Assertion } from '../judge/assertion.ts';
import { Judging } from '../claims/judging.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { Evidence } from '../evidence/store.ts';
import { scenarioId, type Seen } from './look.ts';

/** What the golden signals are held against. */
export interface Bounds {
  /** Share of answers of 500 and above that is borne, 0..1. */
  errorsAtMost: number;
  /** Fewer in the window say nothing. */
  minRequests: number;
}

/** Judges what was seen, by the rules of reports: what could not be seen is without a conclusion. @param missing rights (a list) */
export async function judgeSeen(
  { edges, called, files }: Seen,
  { namespace, missing, bounds }: { namespace: string; missing: EvidencePath; bounds: Bounds },
  evidence: Pick<Evidence, 'reader'>,
): Promise<Assertion[]> {
  const judging = new Judging(evidence.reader);
  const prefix = scenarioId;
  const valid = judging.on({ prefix, role: 'validity' });
  await valid('rights', 'Everything that is asked for may be looked at', 'list-empty', { path: missing }, rightsHint);
  const asked = await valid(
    'proxies',
    'Every proxy answered, at both ends of the window',
    'list-empty',
    { path: files.problems },
    'A proxy that restarted, or that does not answer, says nothing of its traffic.',
  );
  const check = judging.on({ prefix });
  const { before, after } = files;
  await check(
    'health',
    'Cluster, mesh and namespace are healthy, certificates among them',
    'health-all-pass',
    { health: files.health },
    'The section on health has each check, with what to do.',
  );
  await check(
    'sidecars',
    `Every pod of ${namespace} has a sidecar that is connected and in sync`,
    'list-empty',
    { path: files.sidecars, pointer: '/problems' },
    'A pod without a sidecar talks plaintext: check its injection, then make it anew.',
  );
  for (const { service } of called) {
    const callers = edges.filter(({ destination }) => destination === service).map(({ source }) => source);
    await check(
      `mode/${service}`,
      `${service} takes mutual TLS only${callers.length === 0 ? '' : ` (called by ${callers.join(', ')})`}`,
      'takes-only-tls',
      { modes: files.modes, service },
      'While a service is permissive, whoever reaches its pods may call it in plaintext, with no identity.',
    );
  }
  if (edges.length === 0)
    await valid(
      'edges',
      'The proxies know who calls whom',
      'list-not-empty',
      { path: files.edges },
      'No proxy has connected to another yet: send some requests, and look again.',
    );
  for (const { id, source, destination } of edges) {
    await check(
      `edges/${asId(source)}--${asId(destination)}`,
      `${source} -> ${destination} is mutual TLS`,
      'edge-secured',
      { edges: files.edges, edge: id, before, after },
      'By the callers’ proxies, since they started. Without traffic nothing is known: a longer --window, or some requests.',
    );
  }
  await judging.on({ prefix, given: [asked] })(
    'identities',
    'Each service has an identity of its own',
    'list-empty',
    { path: files.identities, pointer: '/shared' },
    'Who holds a shared identity can pass for each of them: give every workload a service account of its own.',
  );
  for (const { service, protocol } of called) {
    await check(
      `signals/${service}`,
      `${service} has its golden signals, and few of its answers are errors`,
      'golden-signals-within',
      {
        ...{ before, after, http: [], tcp: [], [protocol]: [service] },
        bounds: { minRequests: bounds.minRequests, minSuccessRate: 1 - bounds.errorsAtMost },
      },
      'Errors are answers of 500 and above, by the service’s own proxies. Without traffic: a longer --window.',
    );
  }
  return judging.assertions;
}

const rightsHint = '`meshproof verify --rbac` prints a role that has them all.';

/** Of what is no service, such as those outside of the mesh, too. */
function asId(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^-|-$/g, '');
}
