import { isDeepStrictEqual } from 'node:util';
import { brief } from '../base/words.ts';
import type { DataCall } from './app.ts';

/** What is wrong with an answer to a data call; undefined when it is all that was expected. */
export function answerProblem(call: DataCall, answer: { status: number; body: string }): string | undefined {
  const { status, body } = answer;
  const got = (): string => JSON.stringify(brief(body, 200));
  if (status !== call.expectStatus) return `status ${status} instead of ${call.expectStatus}: ${got()}`;
  if (call.expectBody !== undefined && !body.includes(call.expectBody))
    return `the body does not hold ${JSON.stringify(call.expectBody)}: ${got()}`;
  if (call.expectPattern !== undefined && !new RegExp(call.expectPattern).test(body))
    return `the body does not match /${call.expectPattern}/: ${got()}`;
  if (call.expectJson === undefined) return undefined;
  try {
    if (holds(JSON.parse(body), call.expectJson)) return undefined;
  } catch {
    return `the body is no JSON: ${got()}`;
  }
  return `the body lacks ${brief(JSON.stringify(call.expectJson), 200)}: ${got()}`;
}

/** Mappings may have more fields than wanted, at every depth; everything else must be equal. */
export function holds(value: unknown, wanted: unknown): boolean {
  if (!isMapping(wanted)) return isDeepStrictEqual(value, wanted);
  return isMapping(value) && Object.entries(wanted).every(([key, child]) => holds(value[key], child));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
