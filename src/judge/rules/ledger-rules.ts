import { hostTime } from '../../base/host-time.ts';
import { within, type Window } from '../../base/window.ts';
import type { FaultReceipt, LedgerEntry } from '../../faults/fault.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import { judgeShare } from '../binomial.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import { summarizeLedger, type LedgerFacts } from '../ledger.ts';
import { unlessBusy, type MachineSelection } from '../machine.ts';
import { amplificationInterval, expectedAmplification, retriesOfOne, type RetryBound } from '../retries.ts';
import { invalid, passIf, type Outcome, type RulesFor } from '../rule.ts';
import { milliseconds, percent, plural, some } from '../../base/words.ts';

/** Some of the attempts of a `ledger.ndjson[.gz]` (one LedgerEntry a line): those of requests whose first attempt began in the window. */
export interface LedgerSelection {
  ledger: EvidencePath;
  window?: Window;
  pathPrefix?: string;
}

export interface LedgerRules {
  /** Validity: the share of attempts that the fault hit lies in the interval of the share asked for. */
  'fault-share': LedgerSelection & { injected: 'abort' | 'delay'; asked: number };
  /** Validity: every FaultReceipt of `receipts.json` is without problems, and there is at least one. */
  'faults-bit': { receipts: EvidencePath };
  'faults-undone': { receipts: EvidencePath };
  /** Mean attempts per request within the Chernoff bounds of the truncated geometric series; of the whole one with a budget. */
  'amplification-within': LedgerSelection & RetryBound;
  'attempts-exceed-requests': LedgerSelection;
  /** For controls: nothing was retried, but for what a client sends again because its connection broke. */
  'attempts-equal-requests': LedgerSelection;
  /**
   * The caller gave up on at least this share of the attempts, `nearMs` after they began (give or take `toleranceMs`). With
   * `machine`: at other times on a busy machine is `invalid`.
   */
  'cancelled-near': LedgerSelection & {
    nearMs: number;
    toleranceMs: number;
    share: number;
    machine?: MachineSelection | undefined;
  };
}

/**
 * Requests that may reach the server twice without a retry policy: Go's HTTP client (so k6) sends an idempotent request again
 * when a kept connection closes under it before the first byte of an answer (net/http, Transport). Seen on a busy machine: 1 of
 * 361. Policies retry whatever share of requests fails, tens of percent here.
 */
const resentShare = 0.01;

async function selectEntries(selection: LedgerSelection, evidence: EvidenceReader): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for await (const entry of evidence.ndjson<LedgerEntry>(selection.ledger)) {
    if (selection.pathPrefix === undefined || entry.path.startsWith(selection.pathPrefix)) entries.push(entry);
  }
  if (selection.window === undefined) return entries;
  const first = new Map<string, number>();
  for (const entry of entries) {
    const { requestId } = entry;
    first.set(requestId, Math.min(first.get(requestId) ?? Number.POSITIVE_INFINITY, hostTime(entry)));
  }
  return entries.filter(({ requestId }) => within(selection.window, first.get(requestId) ?? Number.NaN));
}

/** Reads and counts the selected attempts. */
export async function readLedger(selection: LedgerSelection, evidence: EvidenceReader): Promise<LedgerFacts> {
  return summarizeLedger(await selectEntries(selection, evidence));
}

async function judged(
  inputs: LedgerSelection,
  evidence: EvidenceReader,
  judge: (facts: LedgerFacts) => Outcome,
): Promise<Outcome> {
  const facts = await readLedger(inputs, evidence);
  return facts.attempts === 0 ? invalid('the ledger is empty: no attempt reached the server') : judge(facts);
}

function attemptsText(facts: LedgerFacts): string {
  return `${plural(facts.attempts, 'attempt')} for ${plural(facts.requests, 'request')} (${facts.amplification.toFixed(3)} each)`;
}

export const ledgerRules: RulesFor<LedgerRules> = {
  'fault-share': {
    expected: ({ asked, injected }) => `${percent(asked)} of attempts get the ${injected}, within the interval`,
    judge: async (inputs, evidence) => {
      const entries = await selectEntries(inputs, evidence);
      const hits = entries.filter((entry) => entry.injected === inputs.injected).length;
      const seen = judgeShare(hits, entries.length, inputs.asked);
      return passIf(seen.within, `${inputs.injected} on ${seen.observed}`);
    },
  },
  'faults-bit': {
    expected: () => 'the fault bit as asked on every replica',
    judge: async (inputs, evidence) => {
      const receipts = await evidence.json<FaultReceipt[]>(inputs.receipts);
      const problems = receipts.flatMap((receipt) =>
        receipt.problems.map((problem) => `${receipt.target}: ${problem}`),
      );
      if (receipts.length === 0) problems.push('no fault receipt');
      return passIf(
        problems.length === 0,
        problems.length === 0 ? `${plural(receipts.length, 'receipt')}, no problem` : some(problems),
      );
    },
  },
  'faults-undone': {
    expected: () => 'every fault was taken back',
    judge: async (inputs, evidence) => {
      const receipts = await evidence.json<FaultReceipt[]>(inputs.receipts);
      const left = receipts.filter((receipt) => !receipt.undone).map((receipt) => receipt.target);
      if (receipts.length === 0) return invalid('no fault receipt');
      return passIf(
        left.length === 0,
        left.length === 0 ? `${plural(receipts.length, 'fault')} undone` : `still in force: ${some(left)}`,
      );
    },
  },
  'amplification-within': {
    expected: (inputs) => {
      const { faultShare, retries, bound } = inputs;
      const by = bound === 'budget' ? `a budget of ${retries} retries each` : `${retries} retries`;
      return `${expectedAmplification(faultShare, retriesOfOne(inputs)).toFixed(3)} attempts per request (${percent(faultShare)} faults, ${by}), within the interval`;
    },
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (facts) => {
        const { low, high } = amplificationInterval(facts.requests, inputs.faultShare, retriesOfOne(inputs));
        const seen = facts.amplification;
        const text = `${attemptsText(facts)}; ${low.toFixed(3)} to ${high.toFixed(3)} believable`;
        return passIf(seen >= low - 1e-9 && seen <= high + 1e-9, text);
      }),
  },
  'attempts-exceed-requests': {
    expected: () => 'the server sees more attempts than requests',
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (facts) => passIf(facts.attempts > facts.requests, attemptsText(facts))),
  },
  'attempts-equal-requests': {
    expected: () => `the server sees one attempt per request (${percent(resentShare)} may be sent again)`,
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (facts) => {
        const allowed = Math.max(1, Math.floor(facts.requests * resentShare));
        return passIf(facts.attempts - facts.requests <= allowed, attemptsText(facts));
      }),
  },
  'cancelled-near': {
    expected: ({ nearMs, toleranceMs, share }) =>
      `the caller gives up on at least ${percent(share)} of attempts after ${milliseconds(nearMs)} ± ${milliseconds(toleranceMs)}`,
    judge: async (inputs, evidence) => {
      const entries = await selectEntries(inputs, evidence);
      if (entries.length === 0) return invalid('the ledger is empty: no attempt reached the server');
      const near = entries.filter(
        (entry) => entry.cancelled && Math.abs(entry.durationMs - inputs.nearMs) <= inputs.toleranceMs,
      ).length;
      const share = near / entries.length;
      const outcome = passIf(
        share >= inputs.share,
        `${percent(share)} of ${plural(entries.length, 'attempt')} cancelled in that window`,
      );
      return unlessBusy(outcome, inputs.machine, evidence);
    },
  },
};
