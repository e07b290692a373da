import type { Action } from './resources.ts';

const retry = 'retry.linkerd.io/';
const timeout = 'timeout.linkerd.io/';
const accrual = 'balancer.linkerd.io/failure-accrual';
/** What a Service said before meshproof wrote to it, as JSON: also a later process puts it back. */
const before = 'meshproof.dev/annotations-before';

/** Those of a Service that policies are made of. */
export function policyAnnotations(all: Readonly<Record<string, string>> = {}): Record<string, string> {
  const ours = ([name]: [string, string]): boolean =>
    name.startsWith(retry) || name.startsWith(timeout) || name.startsWith(accrual) || name === before;
  return Object.fromEntries(Object.entries(all).filter(ours));
}

/** With which a route's callers do this. Linkerd itself neither retries nor ends calls: nothing is said of what is off. */
export function routeAnnotations({ retry: retries, timeoutMs = 0 }: Action): Record<string, string> {
  return {
    ...(retries && retries.limit > 0
      ? { [`${retry}http`]: retries.onStatus.join(','), [`${retry}limit`]: String(retries.limit) }
      : {}),
    ...(timeoutMs > 0 ? { [`${timeout}request`]: `${timeoutMs}ms` } : {}),
  };
}

/** With which callers leave out a replica after so many errors in a row; 0: never. */
export function ejectionAnnotations(consecutiveErrors: number): Record<string, string> {
  return consecutiveErrors === 0
    ? {}
    : { [accrual]: 'consecutive', [`${accrual}-consecutive-max-failures`]: String(consecutiveErrors) };
}

/**
 * What a Service is to say: this instead of all that it said of the policies written now, and what it said before.
 *
 * @param current its policy annotations now
 * @param changes a part (`routes`, `ejection`) that no policy speaks of is left as it is
 */
export function serviceAnnotations(
  current: Readonly<Record<string, string>>,
  changes: { routes?: Record<string, string> | undefined; ejection?: Record<string, string> | undefined },
): Record<string, string> {
  const { [before]: remembered, ...now } = current;
  const wanted = {
    ...Object.fromEntries(
      Object.entries(now).filter(([name]) =>
        name.startsWith(accrual) ? changes.ejection === undefined : changes.routes === undefined,
      ),
    ),
    ...changes.routes,
    ...changes.ejection,
  };
  const same = JSON.stringify(Object.entries(wanted).sort()) === JSON.stringify(Object.entries(now).sort());
  return same ? { ...current } : { ...wanted, [before]: remembered ?? JSON.stringify(now) };
}

/** What it said before any policy of meshproof; undefined where meshproof has not written to it. */
export function annotationsBefore(current: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const remembered = current[before];
  return remembered === undefined ? undefined : (JSON.parse(remembered) as Record<string, string>);
}

/** As a merge patch: what is there and is not wanted goes. */
export function annotationPatch(
  current: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const gone = Object.fromEntries(Object.keys(current).map((name) => [name, null]));
  return { ...gone, ...wanted };
}
