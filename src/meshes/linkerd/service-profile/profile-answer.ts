/** What callers are told of the requests to one port of a service by a ServiceProfile. */
export interface Profile {
  /** The first that matches takes a request; none: the proxies go by no profile. */
  routes: ToldRoute[];
  budget: ToldBudget;
}

export interface ToldRoute {
  name: string;
  /** Undefined for a condition of another kind. */
  pathRegex?: string | undefined;
  retryable: boolean;
  /** Statuses that are failures; undefined: every 5xx. */
  failures?: number[] | undefined;
  /** 0: none. */
  timeoutMs: number;
}

export interface ToldBudget {
  /** Retries for each request that succeeds. */
  ratio: number;
  minPerSecond: number;
  ttlMs: number;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the control plane's own JSON, read defensively */
type Json = any;

/** Reads what `linkerd diagnostics profile HOST:PORT` prints: the answer of the Destination API's GetProfile, which proxies ask as well. */
export function readProfile(answer: Json): Profile {
  const { retry_budget: budget = {} } = answer ?? {};
  return {
    routes: (answer?.routes ?? []).map((route: Json): ToldRoute => {
      const pathRegex: string | undefined = route.condition?.Match?.Path?.regex;
      const classes: Json[] | undefined = route.response_classes;
      return {
        name: route.metrics_labels?.route ?? '',
        ...(pathRegex !== undefined && { pathRegex }),
        retryable: route.is_retryable ?? false,
        ...(classes !== undefined && classes.length > 0 && { failures: failures(classes) }),
        timeoutMs: milliseconds(route.timeout),
      };
    }),
    budget: {
      ratio: budget.retry_ratio ?? 0,
      minPerSecond: budget.min_retries_per_second ?? 0,
      ttlMs: milliseconds(budget.ttl),
    },
  };
}

/** Every status goes by the first class that has it. */
function failures(classes: readonly Json[]): number[] {
  const statuses = Array.from({ length: 500 }, (_, index) => 100 + index);
  return statuses.filter((status) => {
    const found = classes.find(({ condition }) => {
      const { min = 0, max = 0 } = condition?.Match?.Status ?? {};
      return min <= status && status <= max;
    });
    return found === undefined ? status >= 500 : found.is_failure === true;
  });
}

/** The route that requests to this path take. */
export function routeOf(routes: readonly ToldRoute[], path: string): ToldRoute | undefined {
  return routes.find(({ pathRegex }) => pathRegex !== undefined && matches(pathRegex, path));
}

/** Whole paths are matched (linkerd2-proxy, service-profiles/src/proto.rs). */
function matches(pathRegex: string, path: string): boolean {
  try {
    return new RegExp(`^(?:${pathRegex})$`).test(path);
  } catch {
    // Somebody else's, with what only Rust's expressions know.
    return false;
  }
}

function milliseconds(duration: { seconds?: number; nanos?: number } | undefined): number {
  return Math.round((duration?.seconds ?? 0) * 1000 + (duration?.nanos ?? 0) / 1e6);
}
