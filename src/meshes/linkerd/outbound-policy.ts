/** What callers are told to do with the requests to one port of a service. */
export interface OutboundPolicy {
  /** Bytes are passed on as they are. */
  opaque: boolean;
  routes: OutboundRoute[];
  /** 0: never. */
  ejectsAfterErrors: number;
}

export interface OutboundRoute {
  /** Path prefix; undefined for a match of another kind. */
  prefix?: string | undefined;
  retries: number;
  onStatus: number[];
  /** Of a whole request with its retries; 0: none. */
  timeoutMs: number;
  /** The HTTPRoute that it comes from; undefined for the one that every Service has. */
  httpRoute?: string | undefined;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the control plane's own JSON, read defensively */
type Json = any;

/**
 * Reads what `linkerd diagnostics policy svc/NAME PORT -o json` prints: the answer of the control plane's OutboundPolicies API,
 * which proxies ask as well.
 */
export function readOutboundPolicy(answer: Json): OutboundPolicy {
  const { Detect: detect, Http1, Http2, Opaque } = answer?.protocol?.Kind ?? {};
  const http = detect?.http1 ?? Http1 ?? Http2;
  return {
    opaque: http === undefined && Opaque !== undefined,
    routes: (http?.routes ?? []).flatMap((route: Json) => {
      const httpRoute: string | undefined = route.metadata?.Kind?.Resource?.name;
      return (route.rules ?? []).flatMap((rule: Json) => rulesOf(rule, httpRoute));
    }),
    ejectsAfterErrors: ejectsAfter(http?.failure_accrual?.Kind),
  };
}

/** One for each way in which a rule can match. */
function rulesOf({ matches = [], retry, timeouts }: Json, httpRoute: string | undefined): OutboundRoute[] {
  const action = {
    retries: retry?.max_retries ?? 0,
    onStatus: (retry?.conditions?.status_ranges ?? []).flatMap(({ start, end }: { start: number; end: number }) =>
      Array.from({ length: end - start + 1 }, (_, index) => start + index),
    ),
    timeoutMs: milliseconds(timeouts?.request),
    ...(httpRoute !== undefined && { httpRoute }),
  };
  const prefixes: (string | undefined)[] = matches.map(({ path }: Json) => path?.Kind?.Prefix);
  return (prefixes.length === 0 ? ['/'] : prefixes).map((prefix) => ({ prefix, ...action }));
}

/** The route that requests with this path prefix take: the longest that fits, as the Gateway API has it. */
export function routeFor(routes: readonly OutboundRoute[], pathPrefix: string): OutboundRoute | undefined {
  return routes
    .filter(({ prefix }) => prefix !== undefined && pathPrefix.startsWith(prefix))
    .toSorted((a, b) => b.prefix!.length - a.prefix!.length)[0];
}

function milliseconds(duration: { seconds?: number; nanos?: number } | undefined): number {
  return Math.round((duration?.seconds ?? 0) * 1000 + (duration?.nanos ?? 0) / 1e6);
}

function ejectsAfter(accrual: Json): number {
  const [kind = {}] = Object.values(accrual ?? {}) as Json[];
  return kind?.max_failures ?? kind?.max_consecutive_failures ?? 0;
}
