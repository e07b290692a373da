import { statuses, type Assertion, type Status } from '../assertion.ts';
import { worst } from '../combine.ts';
import { plural } from '../../base/words.ts';
import type { ExitCode } from '../../base/errors.ts';
import { claimHeld, noClaimHeld } from './status-of.ts';
import type { RunReport, Verdict, VerdictStatus } from '../../report/model.ts';

/** What a verdict is made of: parts of the report. */
export type VerdictParts = Pick<RunReport, 'criteria' | 'scenarios' | 'assertions' | 'health' | 'errors'> & {
  interrupted: boolean;
};

/**
 * The worst status wins: a proven failure is never masked by something else, what was not shown is no pass, and a run is
 * not healthy unless a claim of one of its scenarios passed.
 */
export function verdict(parts: VerdictParts): Verdict {
  const { criteria, scenarios, errors, interrupted } = parts;
  const assertions = allAssertions(parts);
  const counts = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>;
  for (const { assertion } of assertions) counts[assertion.status]++;

  const open = criteria.filter(({ status }) => status === 'skipped' || status === 'invalid');
  const seen: Status[] = [
    ...assertions.map(({ assertion }) => assertion.status),
    ...scenarios.map(({ status }) => status),
    ...criteria.map(({ status }) => status),
    ...unhealthyChecks(parts).map(({ status }) => status),
    ...(errors.some(({ code }) => code !== 'MESHPROOF_INTERRUPTED') ? ['error' as const] : []),
    ...(open.length > 0 || interrupted || !scenarios.some((scenario) => claimHeld(scenario.assertions))
      ? ['invalid' as const]
      : []),
  ];
  // A capability that is skipped is shown, and does not spoil a run in which every criterion has its pass.
  const overall = worst(seen.filter((status) => status !== 'skipped'));
  const status = verdictOf(overall);
  return {
    status,
    exitCode: interrupted ? 130 : exitCodes[status],
    summary: summary(parts, status, counts, assertions),
    counts,
    interrupted,
  };
}

const exitCodes: Record<VerdictStatus, ExitCode> = { unhealthy: 1, error: 3, inconclusive: 4, healthy: 0 };

function verdictOf(overall: Status): VerdictStatus {
  if (overall === 'pass') return 'healthy';
  if (overall === 'fail') return 'unhealthy';
  return overall === 'error' ? 'error' : 'inconclusive';
}

interface Placed {
  place: string;
  assertion: Assertion;
}

function allAssertions({ assertions, scenarios }: VerdictParts): Placed[] {
  return [
    ...assertions.map((assertion) => ({ place: 'run', assertion })),
    ...scenarios.flatMap((scenario) => scenario.assertions.map((assertion) => ({ place: scenario.id, assertion }))),
  ];
}

function unhealthyChecks({ health }: VerdictParts): { when: string; id: string; status: Status; observed: string }[] {
  return (['before', 'after'] as const).flatMap((when) =>
    (health[when]?.checks ?? [])
      .filter(({ status }) => status !== 'pass' && status !== 'skipped')
      .map(({ id, status, observed }) => ({ when, id, status, observed })),
  );
}

function summary(
  parts: VerdictParts,
  status: VerdictStatus,
  counts: Record<Status, number>,
  assertions: Placed[],
): string {
  const total = assertions.length;
  const passed = parts.criteria.filter((criterion) => criterion.status === 'pass').length;
  const prefix = !parts.interrupted ? status : status === 'inconclusive' ? 'interrupted' : `interrupted, ${status}`;
  if (status === 'healthy') {
    const of =
      parts.criteria.length > 0 ? `${passed} of ${plural(parts.criteria.length, 'criterion', 'criteria')} and ` : '';
    return `healthy: ${of}${plural(counts.pass, 'assertion')} passed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`;
  }
  return oneLine(`${prefix}: ${reason(parts, status, assertions)}`, tally(status, counts, total));
}

/** The first thing that gave the verdict, by name. */
function reason(parts: VerdictParts, status: VerdictStatus, assertions: Placed[]): string {
  if (parts.interrupted && status === 'inconclusive') {
    const stop = parts.errors.find(({ code }) => code === 'MESHPROOF_INTERRUPTED');
    return stop?.message.replace(/^interrupted /, 'stopped ') ?? 'stopped before everything was judged';
  }
  if (assertions.length === 0 && parts.scenarios.length === 0 && parts.errors.length === 0) return 'nothing was judged';
  const wanted: Status = status === 'unhealthy' ? 'fail' : status === 'error' ? 'error' : 'invalid';
  const error = parts.errors.find(({ code }) => code !== 'MESHPROOF_INTERRUPTED');
  if (status === 'error' && error) {
    return `${error.scenario ? `${error.scenario}: ` : ''}${error.message} [${error.code}]`;
  }
  const first = assertions.find(({ assertion }) => assertion.status === wanted);
  if (first) return `${first.place}: ${what(first.assertion)}`;
  const check = unhealthyChecks(parts).find((candidate) => candidate.status === wanted);
  if (check) return `health ${check.when}: ${check.id}: ${check.observed}`;
  const scenario = parts.scenarios.find((candidate) => candidate.status === wanted);
  if (scenario) return `${scenario.id}: ${scenario.reason || 'no conclusion'}`;
  const open = parts.criteria.find((candidate) => candidate.status !== 'pass');
  if (open) return `${open.id}: ${open.why}`;
  return parts.interrupted ? 'stopped before everything was judged' : noClaimHeld;
}

/** An observation that begins with its edge names the broken thing itself; others need the claim beside them. */
function what({ title, status, observed }: Assertion): string {
  if (/^\S+ -> \S+: /.test(observed)) return observed;
  return status === 'fail' ? `not so: ${title}: ${observed}` : `${title}: ${observed}`;
}

function tally(status: VerdictStatus, counts: Record<Status, number>, total: number): string {
  const of = `of ${plural(total, 'assertion')}`;
  if (total === 0) return '';
  if (status === 'unhealthy' && counts.fail > 0) return ` (${counts.fail} ${of} failed)`;
  const open = counts.invalid + counts.error;
  return open > 0 ? ` (${open} ${of} without a conclusion)` : '';
}

const lineLimit = 300;

function oneLine(text: string, tail: string): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  const room = lineLimit - tail.length;
  return (flat.length > room ? `${flat.slice(0, room - 1)}…` : flat) + tail;
}
