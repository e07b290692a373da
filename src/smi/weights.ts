import type { TrafficSplit } from './model.ts';

/** The same shares in whole numbers, where a mesh takes no others: the quantities of v1alpha1 are parts of one. */
export function wholeWeights({ backends }: Pick<TrafficSplit, 'backends'>): TrafficSplit['backends'] {
  const whole = backends.every(({ weight }) => Number.isInteger(weight));
  return backends.map(({ service, weight }) => ({ service, weight: whole ? weight : Math.round(weight * 1000) }));
}
