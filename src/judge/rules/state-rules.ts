import type { EvidencePath } from '../../evidence/path.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import { invalid, passIf, type RulesFor } from '../rule.ts';
import { brief, plural, some } from '../../base/words.ts';

/** `answers.json`: one answer per question asked (`GET /api/trips/…`); the body itself, or its digest. */
export type Answers = Record<string, { status: number; body: string; contentType?: string }>;

/** What became of a connection that should not be let in. */
export interface ProbeResult {
  /** `unmeshed client -> trips:8080`. */
  probe: string;
  /**
   * `answered`: an HTTP answer below 400; `forbidden`: 401 or 403; `reset`/`closed`: the connection was accepted and
   * cut without a byte; `tls-alert`: the handshake was refused; `refused`, `timeout`, `unreachable`: never connected.
   */
  outcome:
    'answered' | 'forbidden' | 'reset' | 'closed' | 'tls-alert' | 'refused' | 'timeout' | 'unreachable' | 'other';
  detail: string;
}

/** The checks of a HealthSnapshot, without importing health (which is to the right). */
interface Checks {
  checks: { id: string; title: string; status: string; observed: string; hint?: string }[];
}

export interface StateRules {
  'answers-equal': { a: EvidencePath; b: EvidencePath };
  /** For controls: the comparison notices a difference that was made on purpose. */
  'answers-differ': { a: EvidencePath; b: EvidencePath };
  'digests-equal': { a: EvidencePath; b: EvidencePath };
  /** Skipped checks do not count; no check at all is `invalid`. */
  'health-all-pass': { health: EvidencePath };
  /** For controls: at least one check fails (one of these ids, if given). */
  'health-has-failure': { health: EvidencePath; ids?: string[] };
  /** `probe.json` is a ProbeResult, or a ProbeResult[] of which `probe` names one. Accepts reset, closed, tls-alert and forbidden unless told. */
  'refused-probe': { path: EvidencePath; probe?: string; accept?: ProbeResult['outcome'][] };
  /** For controls of the above: the same probe is answered where it may be. */
  'answered-probe': { path: EvidencePath; probe?: string };
  /** A JSON array of strings (or of objects, shown as JSON) at a pointer is empty, e.g. SidecarProblem[]. */
  'list-empty': { path: EvidencePath; pointer?: string };
  /** For controls: the list names at least one. */
  'list-not-empty': { path: EvidencePath; pointer?: string };
}

/** RFC 6901. Undefined where nothing is. */
function at(json: unknown, pointer = ''): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | null | undefined)?.[part], json);
}

async function list(
  { path, pointer }: StateRules['list-empty'],
  evidence: EvidenceReader,
): Promise<string[] | undefined> {
  const found = at(await evidence.json(path), pointer);
  return Array.isArray(found) ? found.map(asText) : undefined;
}

function asText(item: unknown): string {
  if (typeof item !== 'object' || item === null) return String(item);
  // Sidecar problems and the like read better as words than as JSON.
  const known = item as Record<string, unknown>;
  // What keeps a pod from working (StartFinding).
  if (typeof known['edge'] === 'string')
    return `${known['edge']} (${known['pod']}): ${known['cause']}: ${known['observed']}`;
  const words = ['service', 'pod', 'problem', 'detail']
    .map((key) => known[key])
    .filter((word) => typeof word === 'string');
  return words.length >= 2 ? words.join(' ') : JSON.stringify(item);
}

/** What two records do not agree on. */
function differences<T>(
  a: Record<string, T>,
  b: Record<string, T>,
  same: (x: T, y: T) => string | undefined,
): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort().flatMap((key) => {
    const [x, y] = [a[key], b[key]];
    if (x === undefined || y === undefined) return [`${key}: only on one side`];
    const difference = same(x, y);
    return difference === undefined ? [] : [`${key}: ${difference}`];
  });
}

async function compare<T>(
  inputs: { a: EvidencePath; b: EvidencePath },
  evidence: EvidenceReader,
  noun: string,
  same: (x: T, y: T) => string | undefined,
): Promise<ReturnType<typeof passIf>> {
  const a = await evidence.json<Record<string, T>>(inputs.a);
  const b = await evidence.json<Record<string, T>>(inputs.b);
  const size = Object.keys(a).length;
  if (size === 0 && Object.keys(b).length === 0) return invalid(`no ${noun} to compare`);
  const apart = differences(a, b, same);
  return passIf(apart.length === 0, apart.length === 0 ? `${plural(size, noun)}, all equal` : some(apart));
}

async function probeResult(
  inputs: { path: EvidencePath; probe?: string },
  evidence: EvidenceReader,
): Promise<ProbeResult | undefined> {
  const read = await evidence.json<ProbeResult | ProbeResult[]>(inputs.path);
  if (!Array.isArray(read)) return read;
  return inputs.probe === undefined ? read[0] : read.find((result) => result.probe === inputs.probe);
}

function answerDifference(x: Answers[string], y: Answers[string]): string | undefined {
  if (x.status !== y.status) return `status ${x.status} and ${y.status}`;
  if ((x.contentType ?? '') !== (y.contentType ?? '')) return `content type ${x.contentType} and ${y.contentType}`;
  return x.body === y.body ? undefined : 'the bodies differ';
}

export const stateRules: RulesFor<StateRules> = {
  'answers-equal': {
    expected: () => 'the same answers, byte for byte',
    judge: (inputs, evidence) => compare(inputs, evidence, 'answer', answerDifference),
  },
  'answers-differ': {
    expected: () => 'the comparison finds the difference that was made',
    judge: async (inputs, evidence) => {
      const { status, observed } = await compare(inputs, evidence, 'answer', answerDifference);
      return status === 'invalid' ? { status, observed } : passIf(status === 'fail', observed);
    },
  },
  'digests-equal': {
    expected: () => 'the same image digests',
    judge: (inputs, evidence) =>
      compare<string>(inputs, evidence, 'image', (x, y) => (x === y ? undefined : `${x} and ${y}`)),
  },
  'health-all-pass': {
    expected: () => 'every health check passes',
    judge: async (inputs, evidence) => {
      const { checks } = await evidence.json<Checks>(inputs.health);
      const counted = checks.filter((check) => check.status !== 'skipped');
      const bad = counted.filter((check) => check.status !== 'pass');
      if (counted.length === 0) return invalid('no health check was made');
      if (bad.length === 0) return passIf(true, `${plural(counted.length, 'check')} passed`);
      const text = some(bad.map((check) => `${check.id}: ${check.observed}`));
      return bad.some((check) => check.status === 'fail') ? passIf(false, text) : invalid(text);
    },
  },
  'health-has-failure': {
    expected: ({ ids }) =>
      ids ? `the checks find what is broken: ${ids.join(', ')}` : 'the checks find what is broken',
    judge: async (inputs, evidence) => {
      const { checks } = await evidence.json<Checks>(inputs.health);
      const bad = checks.filter((check) => check.status === 'fail');
      const missed = (inputs.ids ?? []).filter((id) => !bad.some((check) => check.id === id));
      const found = some(bad.map((check) => `${check.id}: ${brief(check.observed)}`));
      if (missed.length > 0) return passIf(false, `not found: ${some(missed)}${found ? `; found ${found}` : ''}`);
      return passIf(bad.length > 0, bad.length > 0 ? found : `${plural(checks.length, 'check')} passed, none failed`);
    },
  },
  'refused-probe': {
    expected: ({ probe }) => `${probe ?? 'the connection'} is refused`,
    judge: async (inputs, evidence) => {
      const result = await probeResult(inputs, evidence);
      if (!result) return invalid(`no such probe: ${inputs.probe}`);
      const text = `${result.probe}: ${result.outcome}${result.detail ? ` (${result.detail})` : ''}`;
      if (result.outcome === 'answered') return passIf(false, text);
      const accepted = inputs.accept ?? ['reset', 'closed', 'tls-alert', 'forbidden'];
      // Never having reached the server is no refusal by the mesh.
      return accepted.includes(result.outcome) ? passIf(true, text) : invalid(text);
    },
  },
  'answered-probe': {
    expected: ({ probe }) => `${probe ?? 'the connection'} is answered`,
    judge: async (inputs, evidence) => {
      const result = await probeResult(inputs, evidence);
      if (!result) return invalid(`no such probe: ${inputs.probe}`);
      return passIf(
        result.outcome === 'answered',
        `${result.probe}: ${result.outcome}${result.detail ? ` (${result.detail})` : ''}`,
      );
    },
  },
  'list-empty': {
    expected: () => 'none',
    judge: async (inputs, evidence) => {
      const found = await list(inputs, evidence);
      if (!found) return invalid('there is no list at that place in the evidence');
      return passIf(found.length === 0, found.length === 0 ? 'none' : some(found));
    },
  },
  'list-not-empty': {
    expected: () => 'at least one',
    judge: async (inputs, evidence) => {
      const found = await list(inputs, evidence);
      if (!found) return invalid('there is no list at that place in the evidence');
      return passIf(found.length > 0, found.length === 0 ? 'none' : some(found));
    },
  },
};
