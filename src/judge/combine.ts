import { statuses, type Status } from './assertion.ts';

/** The worst status wins (`fail` over `error` over `invalid` over `skipped` over `pass`); nothing at all is `invalid`. */
export function worst(seen: Iterable<Status>): Status {
  const all = new Set(seen);
  return statuses.find((status) => all.has(status)) ?? 'invalid';
}

/** A control arm's result: did it fail as it must, and what was seen. */
export interface ControlSeen {
  failedAsItMust: boolean;
  observed: string;
}

/** A result before or after its control is taken into account. */
export interface Judged {
  status: Status;
  observed: string;
}

/**
 * The first law: a claim whose control did not fail is `invalid`, never `pass`. A proven failure of the treatment stays
 * `fail`: it needs no control to be true.
 */
export function controlled(arms: { control: ControlSeen; treatment: Judged }): Judged {
  const { control, treatment } = arms;
  if (treatment.status !== 'pass' || control.failedAsItMust) return treatment;
  return {
    status: 'invalid',
    observed: `${treatment.observed}; no conclusion: ${control.observed}`,
  };
}
