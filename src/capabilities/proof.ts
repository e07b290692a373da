import type { PolicyKind } from '../policies/index.ts';

/** Which scenarios prove a capability, whatever they are called: those that make this claim, with this about them. */
export interface Proof {
  /** Kind of an entry of `claims`. */
  readonly claim: string;
  /** The treatment must have a policy of this kind. */
  readonly policy?: PolicyKind | undefined;
  /** It must be tried on a route of a service, not only on services as a whole. */
  readonly route?: true | undefined;
  /** Traffic of this protocol must have been measured. */
  readonly protocol?: 'http' | 'tcp' | undefined;
  /** What the app under test must have for it, in words. */
  readonly condition?: string | undefined;
}

/** What a scenario tries, as far as it says what a pass proves. */
export interface Tried {
  /** Id of the scenario, not of one of its trials. */
  readonly scenario: string;
  /** Kind of its claim. */
  readonly claim: string;
  /** Kinds of the policies that its treatment rests on. */
  readonly policies: readonly PolicyKind[];
  /** Whether it was tried on a route; of a scenario that was not run, whether it is tried on those that an app names. */
  readonly route: boolean;
}

/** Whether a pass of this proves it; the protocol is for who knows what was measured. */
export function isProofOf(proof: Proof, { claim, policies, route }: Tried): boolean {
  return (
    claim === proof.claim &&
    (proof.policy === undefined || policies.includes(proof.policy)) &&
    (proof.route !== true || route)
  );
}
