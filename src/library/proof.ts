import { claims, type AskedClaim } from '../claims/index.ts';
import { controlRequests, leastSeconds } from '../claims/resilience.ts';
import type { AskableFault } from '../faults/index.ts';
import { policies as policyEntries, type AskablePolicy } from '../policies/index.ts';
import type { PolicyEntry } from '../policies/define-policy.ts';
import type { ScenarioInput } from '../scenario/load.ts';

/**
 * What `lab.prove` is asked: that a claim holds for a service under a fault, thanks to policies. The fields are those of a
 * scenario file (docs/scenarios.md), with a default for what can be derived.
 */
export interface Proof {
  claim: AskedClaim;
  /** The service under test; or `each: 'http'` for every service of the app that speaks HTTP. */
  service?: string | undefined;
  each?: 'http' | undefined;
  fault: AskableFault;
  /** In force in the treatment. */
  policies: readonly AskablePolicy[];
  /** In force in the control; default: `policies`, each switched off. */
  control?: readonly AskablePolicy[] | undefined;
  /** Default: 20 requests/s of one client, of whose retries an Envoy refuses hardly one. */
  load?: { rps?: number; clients?: number; maxVUs?: number; requestTimeoutMs?: number } | undefined;
  /** Of both arms; default: as long as the claim and its controls need requests. */
  phaseSeconds?: { baseline?: number; fault?: number; recovery?: number } | undefined;
  /** Names it in the report; default: the claim and the service. */
  id?: string | undefined;
  title?: string | undefined;
}

/** Enough clients for answers that take 6 s, so that the open model holds. */
const clientsPerRps = 6;
/** Around each change of the fault a second is left out of the figures; one more for a start that is late. */
const leftOutSeconds = 3;

/** The scenario that a proof is short for; whether it makes sense is for its schema to say. */
export function scenarioOf(proof: Proof): ScenarioInput {
  const { claim, service, each, fault, policies, control = policies.flatMap(off) } = proof;
  const entry = claims.find(({ kind }) => kind === claim.kind);
  const { rps = 20, ...load } = proof.load ?? {};
  const title = proof.title ?? `${entry?.title ?? claim.kind}${service === undefined ? '' : ` (${service})`}`;
  const parsed = entry?.schema?.safeParse(claim).data as { minRequests?: number } | undefined;
  const requests = Math.max(parsed?.minRequests ?? 0, controlRequests);
  const phaseSeconds = {
    baseline: Math.max(4, leastSeconds(rps).baseline),
    fault: Math.ceil(requests / rps) + leftOutSeconds,
    recovery: Math.max(4, leastSeconds(rps).recovery),
    ...proof.phaseSeconds,
  };
  return {
    id: proof.id ?? (service === undefined ? claim.kind : `${claim.kind}-${service}`),
    title,
    criterion: { id: claim.kind, title },
    experiment: entry?.experiment.name ?? 'resilience',
    load: { service, each, rps, maxVUs: rps * clientsPerRps, ...load },
    fault,
    arms: { control: { policies: control, phaseSeconds }, treatment: { policies, phaseSeconds } },
    claim,
  };
}

/** A policy switched off; left out where its mesh does nothing of the sort by itself. */
function off(policy: AskablePolicy): AskablePolicy[] {
  const entry = (policyEntries as readonly PolicyEntry[]).find(({ kind }) => kind === policy.kind);
  return entry?.off === undefined ? [] : [{ ...policy, ...entry.off } as AskablePolicy];
}
