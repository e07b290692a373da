/** Numbers as the report prints them. English, no locale of the machine. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `12,345` */
export function count(n: number): string {
  return grouped.format(n);
}

/** `1 request`, `12 requests` */
export function plural(n: number, singular: string, many = `${singular}s`): string {
  return `${count(n)} ${n === 1 ? singular : many}`;
}

/** `99.76 %`; never rounds something short of all up to `100 %`, or something above nothing down to `0 %`. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return 'unknown';
  const value = share * 100;
  const digits = value !== 0 && value !== 100 && (value > 99 || value < 1) ? 2 : 1;
  const scale = 10 ** digits;
  let rounded = Math.round(value * scale) / scale;
  if (rounded === 100 && share < 1) rounded = Math.floor(value * 1000) / 1000;
  if (rounded === 0 && share > 0) return `${value.toPrecision(1)} %`;
  return `${rounded} %`;
}

/** `1.04 s`, `51.8 ms` */
export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown';
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 100 ? `${Math.round(ms)} ms` : `${Number(ms.toFixed(1))} ms`;
}

/** `a, b and 3 more` */
export function some(items: readonly string[], shown = 3): string {
  const rest = items.length - shown;
  return rest > 0 ? `${items.slice(0, shown).join(', ')} and ${rest} more` : items.join(', ');
}

/** The beginning of a long text, ending with a whole word: the file beside it has the rest. */
export function brief(text: string, limit = 90): string {
  return text.length <= limit ? text : `${text.slice(0, limit).replace(/[\s,;:]*\S*$/, '')} …`;
}

/** `…/svc/trips` of a SPIFFE id: what tells workloads apart, for texts that a person reads. */
export function shortIdentity(identity: string): string {
  const parts = identity.split('/');
  return parts.length > 3 ? `…/${parts.slice(-2).join('/')}` : identity;
}
