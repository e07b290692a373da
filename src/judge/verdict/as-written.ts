import { redactValue } from '../../evidence/redaction.ts';

/** A value as report.json holds it: what was computed again is compared in this form. */
export function asWritten(value: unknown): unknown {
  return JSON.parse(JSON.stringify(redactValue(value)));
}
