import type { Assertion } from './assertion.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { evaluate } from './recompute.ts';

/**
 * Judges every assertion again, from its evidence and, in turn, from its controls, and says what is not as it was
 * stated. A status that needs no proof (`skipped`, `error`) may stand without a rule; a pass or a fail may not.
 */
export async function recomputeAll(assertions: readonly Assertion[], evidence: EvidenceReader): Promise<string[]> {
  const problems: string[] = [];
  const byId = new Map<string, Assertion>();
  for (const assertion of assertions) {
    if (byId.has(assertion.id)) problems.push(`${assertion.id}: stated twice`);
    byId.set(assertion.id, assertion);
  }
  const judged = new Map<string, Promise<Assertion>>();
  const again = (assertion: Assertion, above: readonly string[]): Promise<Assertion> => {
    let result = judged.get(assertion.id);
    if (!result) judged.set(assertion.id, (result = judgeAgain(assertion, above)));
    return result;
  };
  const judgeAgain = async (assertion: Assertion, above: readonly string[]): Promise<Assertion> => {
    const { recompute } = assertion;
    if (!recompute) return assertion;
    const path = [...above, assertion.id];
    const given: Assertion[] = [];
    for (const id of recompute.given ?? []) {
      const premise = byId.get(id);
      if (!premise) problems.push(`${assertion.id}: rests on ${id}, which is not in the report`);
      else if (path.includes(id)) problems.push(`${assertion.id}: rests on itself by way of ${id}`);
      else {
        given.push(await again(premise, path));
        continue;
      }
      given.push({ id, title: id, status: 'error', expected: '', observed: 'missing', evidence: [] });
    }
    return { ...assertion, ...(await evaluate(recompute, given, evidence)) };
  };
  for (const assertion of byId.values()) {
    const { id, status, recompute } = assertion;
    if (!recompute && status !== 'skipped' && status !== 'error') {
      problems.push(`${id}: ${status}, but nothing says how to judge it again`);
      continue;
    }
    const now = await again(assertion, []);
    if (now.status !== status)
      problems.push(`${id}: stated ${status}, the evidence says ${now.status} (${now.observed})`);
    else if (now.observed !== assertion.observed) {
      problems.push(`${id}: states "${assertion.observed}", the evidence says "${now.observed}"`);
    } else if (now.expected !== assertion.expected) {
      problems.push(`${id}: states it expects "${assertion.expected}", its rule expects "${now.expected}"`);
    }
  }
  return problems;
}
