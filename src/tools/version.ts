/**
 * Dotted numeric versions, as the tools print them. Not semver: Debian, PostgreSQL and Chromium do not keep to it.
 * Whatever follows the leading numbers is ignored (`1.6.20~ds1` is 1.6.20), an epoch (`1:`) is dropped.
 */
export function parseVersion(text: string): number[] | undefined {
  const match = /^v?(?:\d+:)?(\d+(?:\.\d+)*)/.exec(text.trim());
  return match?.[1]?.split('.').map(Number);
}

/** Negative, zero or positive; missing parts count as zero. */
export function compareVersions(left: readonly number[], right: readonly number[]): number {
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const comparator = /^(>=|<=|>|<|=)(\d+(?:\.\d+)*)$/;

/** True for a range this file understands: comparators separated by blanks, all of which must hold. */
export function isRange(range: string): boolean {
  return (
    range.trim() !== '' &&
    range
      .trim()
      .split(/\s+/)
      .every((part) => comparator.test(part))
  );
}

/** Whether `version` lies in `range`, e.g. `>=1.34.0 <1.35.0`. A version that is no version lies nowhere. */
export function inRange(version: string, range: string): boolean {
  const parsed = parseVersion(version);
  if (!parsed || !isRange(range)) return false;
  return range
    .trim()
    .split(/\s+/)
    .every((part) => {
      const [, operator = '', bound = ''] = comparator.exec(part) ?? [];
      const order = compareVersions(parsed, bound.split('.').map(Number));
      if (operator === '>=') return order >= 0;
      if (operator === '<=') return order <= 0;
      if (operator === '>') return order > 0;
      if (operator === '<') return order < 0;
      return order === 0;
    });
}
