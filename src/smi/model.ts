/** Objects of the Service Mesh Interface (archived in 2023), the same whatever version they were written in. */
export type SmiObject = TrafficSplit | TrafficTarget | HttpRouteGroup | TcpRoute | TrafficMetrics;

interface Base {
  name: string;
  namespace: string;
  /** As it was written or served: `split.smi-spec.io/v1alpha2`. */
  apiVersion: string;
}

/** Requests to one service go to several, by weight. */
export interface TrafficSplit extends Base {
  kind: 'TrafficSplit';
  /** Name of the service that clients call, without its domain. */
  service: string;
  /** Relative weights: they need not add up to anything. */
  backends: { service: string; weight: number }[];
  /** Names of route groups: only their requests are split. Empty: all requests. */
  matches: string[];
}

export interface ServiceAccount {
  name: string;
  namespace: string;
}

/** Which service accounts may call which one, and with what. */
export interface TrafficTarget extends Base {
  kind: 'TrafficTarget';
  destination: ServiceAccount;
  sources: ServiceAccount[];
  /** `matches`: names within the group; empty: all of it. */
  rules: { kind: string; name: string; matches: string[] }[];
}

/** Some requests, by what they have in common. */
export interface HttpMatch {
  name: string;
  /** Anchored at the beginning, as the specification says. */
  pathRegex?: string | undefined;
  /** Empty: any. */
  methods: string[];
  /** Regular expressions by header. */
  headers: Record<string, string>;
}

export interface HttpRouteGroup extends Base {
  kind: 'HTTPRouteGroup';
  matches: HttpMatch[];
}

export interface TcpRoute extends Base {
  kind: 'TCPRoute';
  /** Empty: any. */
  ports: number[];
}

/** Figures of a workload that an API gives out; nobody writes them. */
export interface TrafficMetrics extends Base {
  kind: 'TrafficMetrics';
  resource: { kind: string; name: string };
  /** The other end of the edge, where it is about one. */
  edge?: { direction: string; kind: string; name: string } | undefined;
  metrics: { name: string; value: string; unit: string }[];
}
