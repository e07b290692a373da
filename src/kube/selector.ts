/** As a list request takes it: `app=web,tier=front`. */
export function labelSelector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Whether a Service's selector takes a pod with these labels. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** A selector as objects of the API have it; an empty one takes everything. */
export interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

/** The first requirement that these labels do not meet, as the selector says it; undefined: they meet all of them. */
export function unmet(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): string | undefined {
  for (const [key, value] of Object.entries(matchLabels)) if (labels[key] !== value) return `${key}=${value}`;
  for (const { key, operator, values = [] } of matchExpressions) {
    const value = labels[key];
    if (!meets(operator, value, values))
      return `${key} ${operator}${values.length > 0 ? ` [${values.join(', ')}]` : ''}`;
  }
  return undefined;
}

/** What an operator says that nobody knows yet is not met: nothing is taken that might not be. */
function meets(operator: string, value: string | undefined, values: readonly string[]): boolean {
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  return operator === 'DoesNotExist' && value === undefined;
}
