import type { Json } from '../../../base/json.ts';
import type { PrefixRoute } from '../../prefix-routes.ts';
import type { Action } from '../resources.ts';
import type { ToldBudget } from './profile-answer.ts';

/** Of a ServiceProfile (linkerd.io/v1alpha2), what policies are made of. */
export interface ProfileSpec {
  /** The first that matches takes a request. */
  routes: ProfileRoute[];
  /** Of each caller's proxy, for all routes together. */
  retryBudget?: RetryBudget;
}

export interface ProfileRoute {
  /** In the proxies' counters as `rt_route`. */
  name: string;
  condition: { pathRegex: string };
  isRetryable?: true;
  responseClasses?: ResponseClass[];
  timeout?: string;
}

interface ResponseClass {
  condition: { status: { min: number; max: number } };
  isFailure: boolean;
}

interface RetryBudget {
  retryRatio: number;
  minRetriesPerSecond: number;
  ttl: string;
}

/** Name of the route that takes what no other one takes. */
const everything = 'all';

/** Pure. @param routes the longest prefix first; without one for all requests, such are called as they come */
export function profileSpec(routes: readonly PrefixRoute<Action>[]): ProfileSpec {
  const complete = routes.at(-1)?.prefix === '' ? routes : [...routes, { prefix: '', action: {} }];
  const retries = Math.max(...complete.map(({ action }) => action.retry?.limit ?? 0));
  return { routes: complete.map(route), ...(retries > 0 && { retryBudget: asSpec(budgetOf(retries)) }) };
}

function route({ prefix, action: { retry, timeoutMs = 0 } }: PrefixRoute<Action>): ProfileRoute {
  return {
    name: prefix || everything,
    condition: { pathRegex: `${literal(prefix)}.*` },
    ...(retry && retry.limit > 0 && { isRetryable: true, responseClasses: onlyFailuresAre(retry.onStatus) }),
    ...(timeoutMs > 0 && { timeout: `${timeoutMs}ms` }),
  };
}

/**
 * So many retries for each request that succeeds, and so many a second whatever succeeds: a request that comes alone has its
 * retries. Both count for the shortest time that a proxy accepts: what others have not needed, one request may spend at once.
 */
export function budgetOf(retries: number): ToldBudget {
  return { ratio: retries, minPerSecond: retries, ttlMs: 1000 };
}

function asSpec({ ratio, minPerSecond, ttlMs }: ToldBudget): RetryBudget {
  return { retryRatio: ratio, minRetriesPerSecond: minPerSecond, ttl: `${ttlMs / 1000}s` };
}

/** What is retried is what is a failure, and that is every 5xx unless a class says otherwise. */
function onlyFailuresAre(statuses: readonly number[]): ResponseClass[] {
  return [
    ...ranges(statuses).map((status): ResponseClass => ({ condition: { status }, isFailure: true })),
    { condition: { status: { min: 100, max: 599 } }, isFailure: false },
  ];
}

function ranges(statuses: readonly number[]): { min: number; max: number }[] {
  const found: { min: number; max: number }[] = [];
  for (const status of [...new Set(statuses)].toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last?.max === status - 1) last.max = status;
    else found.push({ min: status, max: status });
  }
  return found;
}

/** As a regular expression, which the proxies hold against the whole path. */
function literal(prefix: string): string {
  return prefix.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

export function asJson(spec: ProfileSpec): { [name: string]: Json } {
  return spec as unknown as { [name: string]: Json };
}
