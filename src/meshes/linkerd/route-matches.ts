import type { Json } from '../../base/json.ts';
import type { HttpMatch } from '../../smi/model.ts';
import { wholePath } from '../../smi/regex.ts';

/** Of the Gateway API's definition of an HTTPRoute. */
const methodsOfRoutes = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const mostMatchesOfARule = 8;

export interface RouteMatches {
  /** For rules with the same effect: a rule has so many matches at most. */
  rules: { matches: Json[] }[];
  /** What an HTTPRoute cannot say; a clause each. */
  notes: string[];
}

/**
 * Requests as an HTTPRoute has them: a method each, and expressions that a path, or a header, must fit as a whole. A prefix would not
 * be the same: to Linkerd `/api` is no prefix of `/apis` (linkerd2-proxy, http/route/src/http/match).
 */
export function routeMatches(requests: readonly HttpMatch[]): RouteMatches {
  const matches = requests.flatMap(({ methods, pathRegex, headers }) => {
    const said = {
      ...(pathRegex !== undefined && { path: { type: 'RegularExpression', value: wholePath(pathRegex) } }),
      ...(Object.keys(headers).length > 0 && { headers: headersOf(headers) }),
    };
    return methods.length === 0 ? [said] : methods.filter(isSayable).map((method) => ({ ...said, method }));
  });
  const notes = requests.flatMap(({ name, methods }) =>
    methods
      .filter((method) => !isSayable(method))
      .map((method) => `${method} of ${name} is left out: an HTTPRoute knows no such method`),
  );
  const count = Math.ceil(matches.length / mostMatchesOfARule);
  const rules = Array.from({ length: count }, (_, index) => ({
    matches: matches.slice(index * mostMatchesOfARule, (index + 1) * mostMatchesOfARule),
  }));
  return { rules, notes };
}

function headersOf(headers: HttpMatch['headers']): Json[] {
  return Object.entries(headers).map(([name, value]) => ({ type: 'RegularExpression', name, value }));
}

function isSayable(method: string): boolean {
  return methodsOfRoutes.includes(method);
}
