import { able, unable, type MeshCapabilities, type MeshPart, type Statements } from '../../capabilities/statement.ts';

const docs = (page: string): string => `https://linkerd.io/2-edge/${page}/`;
const feature = (page: string): string => docs(`features/${page}`);
const detection = feature('protocol-detection');
const httpRoute = feature('httproute');
const retries = docs('reference/retries');
const timeouts = docs('reference/timeouts');
const profiles = docs('reference/service-profiles');
const breaking = docs('reference/circuit-breaking');
const balancing = feature('load-balancing');
const policy = docs('reference/authorization-policy');
const mtls = feature('automatic-mtls');
const metrics = docs('reference/proxy-metrics');
const egress = feature('egress');
const viz = docs('reference/cli/viz');
const flagger = 'https://docs.flagger.app/tutorials/linkerd-progressive-delivery';

/** Of Linkerd's edge releases of 2026, as its documentation has it. */
const says: Statements = {
  'protocols/http-1': able('detected, or appProtocol', detection),
  'protocols/http-2': able('detected, or appProtocol', detection),
  'protocols/https': able('as TLS that the proxy does not look into', detection),
  'protocols/grpc-unary': able('detected as HTTP/2', detection),
  'protocols/grpc-streaming': able('detected as HTTP/2', detection),
  'protocols/tcp': able('opaque, or detected as no HTTP', detection),
  'protocols/detection': able('where the client speaks first; other ports are marked opaque', detection),
  'protocols/websockets': able('upgrades of HTTP/1', detection),
  'routing/header': able('header matches of an HTTPRoute', httpRoute),
  'routing/path-and-method': able('path and method matches of an HTTPRoute', httpRoute),
  'routing/weight': able('weights of an HTTPRoute', httpRoute),
  'routing/mirroring': unable('an HTTPRoute of Linkerd has no RequestMirror', httpRoute),
  'routing/redirects-and-rewrites': able('filters of an HTTPRoute', httpRoute),
  'routing/shifting': able('weights of an HTTPRoute', docs('tasks/traffic-shifting')),
  'resiliency/request-timeout': able('timeout.linkerd.io/request', timeouts),
  'resiliency/per-try-timeout': able('retry.linkerd.io/timeout', retries),
  'resiliency/per-route-timeout': able('timeout.linkerd.io/request on an HTTPRoute', timeouts),
  'resiliency/retries-by-status': able('retry.linkerd.io/http', retries),
  'resiliency/retries-by-route': able('retry.linkerd.io/http on an HTTPRoute', retries),
  'resiliency/retry-budget': able('retryBudget of a ServiceProfile, which replaces the annotations', profiles),
  'resiliency/circuit-breaker': able('failure accrual; no bound on requests or connections', breaking),
  'resiliency/outlier-detection': able('balancer.linkerd.io/failure-accrual, per endpoint', breaking),
  'resiliency/rate-limit-local': able('HTTPLocalRateLimitPolicy on a Server', docs('reference/rate-limiting')),
  'resiliency/rate-limit-global': unable('proxies count for themselves only', docs('reference/rate-limiting')),
  'resiliency/quota': unable('limits are per second', docs('reference/rate-limiting')),
  'resiliency/own-fault-abort': able('a weighted backend that fails', docs('tasks/fault-injection')),
  'resiliency/own-fault-delay': unable('there is no filter that delays', docs('tasks/fault-injection')),
  'load-balancing/round-robin': unable('always by observed latency (EWMA)', balancing),
  'load-balancing/least-request': able('EWMA of latency with requests in flight, the only one', balancing),
  'load-balancing/random': unable('always by observed latency (EWMA)', balancing),
  'load-balancing/consistent-hash': unable('always by observed latency (EWMA)', balancing),
  'load-balancing/locality': able('hints of EndpointSlices', feature('topology-aware-routing')),
  'load-balancing/grpc-per-request': able('requests of HTTP/2 are balanced', balancing),
  'security/mtls-everywhere': able('automatic between proxies', mtls),
  'security/mtls-strict': able('default-inbound-policy, or a policy on each Server', policy),
  'security/identity': able('DNS names of service accounts', mtls),
  'security/certificate-rotation': able('proxies’ certificates live 24 h', mtls),
  'security/trust-domain': able('identityTrustDomain', docs('tasks/generate-certificates')),
  'security/foreign-ca': able('proxies trust the anchor they were given', docs('tasks/generate-certificates')),
  'security/authorization': able('AuthorizationPolicy with MeshTLSAuthentication', policy),
  'security/authorization-by-path': able('AuthorizationPolicy on an HTTPRoute', policy),
  'security/jwt': unable('proxies read no tokens', policy),
  'security/network-policy': able('the network’s own; beside it', feature('server-policy')),
  'security/ingress-gateway': unable('brings none: any ingress is meshed as an app', docs('tasks/using-ingress')),
  'security/egress-gateway': unable('brings none', egress),
  'security/egress-refused': able('EgressNetwork with trafficPolicy Deny', egress),
  'security/external-service': able('EgressNetwork with routes', egress),
  'observability/signals-of-services': able('response_total and latencies of its proxies', metrics),
  'observability/signals-of-edges': able('outbound metrics by authority', metrics),
  'observability/signals-of-routes': able('outbound_http_route_* metrics', metrics),
  'observability/rates': able('request_total of its proxies', metrics),
  'observability/quantiles': able('histograms with fixed buckets', metrics),
  'observability/saturation': able('the kubelet; fail-fast and load shedding of its proxies', metrics),
  'observability/trace': able('spans of its proxies', feature('distributed-tracing')),
  'observability/trace-headers': able('proxies pass them on', feature('distributed-tracing')),
  'observability/dashboards': able('the viz extension, Grafana', docs('tasks/grafana')),
  'observability/alerts': able('Prometheus on its metrics', docs('tasks/exporting-metrics')),
  'observability/tap': able('linkerd viz tap', viz),
  'observability/secured-edges': able('linkerd viz edges', viz),
  'delivery/canary': able('weights, and a controller that analyses', flagger),
  'delivery/promotion': unable('the mesh has none: a controller such as Flagger does it', flagger),
  'delivery/rollback': unable('the mesh has none: a controller such as Flagger does it', flagger),
  'delivery/blue-green': able('backends of an HTTPRoute', httpRoute),
  'delivery/a-b': able('header matches of an HTTPRoute', httpRoute),
  'operation/pre-check': able('linkerd check --pre', docs('reference/cli/check')),
  'operation/control-plane-health': able('linkerd check', docs('reference/cli/check')),
  'operation/data-plane-in-sync': able('linkerd check --proxy', docs('reference/cli/check')),
  'operation/injection': able('its injector', feature('proxy-injection')),
  'operation/components': able('linkerd version, linkerd check', docs('reference/cli/version')),
  'operation/overhead': able('resources of its proxies', docs('tasks/configuring-proxy-concurrency')),
  'operation/control-plane-outage': able('proxies go on with what they hold, for seconds', feature('ha')),
  'operation/proxy-upgrade': able('pods that are made anew', docs('tasks/upgrade')),
  'operation/certificate-day-2': able(
    'bundles of anchors',
    docs('tasks/manually-rotating-control-plane-tls-credentials'),
  ),
};

const parts: readonly MeshPart[] = [
  {
    name: 'controller',
    role: 'control-plane',
    does: 'destination (endpoints and profiles of every proxy), identity (certificates), proxy-injector',
    supports: ['ServiceProfile', 'EndpointSlice', 'opaque ports'],
  },
  {
    name: 'policy-controller',
    role: 'control-plane',
    does: 'tells proxies their routes, retries and timeouts, and whom they let in',
    supports: ['HTTPRoute', 'GRPCRoute', 'Server', 'AuthorizationPolicy', 'HTTPLocalRateLimitPolicy'],
  },
  {
    name: 'linkerd2-proxy',
    role: 'data-plane',
    does: 'sidecar of every pod: mutual TLS, balancing, retries, timeouts, counters',
    supports: ['HTTP/1.1', 'HTTP/2', 'gRPC', 'TCP', 'TLS 1.3'],
  },
  {
    name: 'proxy-init',
    role: 'data-plane',
    does: 'redirects the pod’s connections, once at its start',
    supports: ['iptables'],
  },
  {
    name: 'linkerd',
    tool: 'linkerd',
    role: 'cli',
    does: 'generates what is installed, and checks it',
    supports: ['install', 'check', 'diagnostics'],
  },
];

export const linkerdCapabilities: MeshCapabilities = { parts, says };
