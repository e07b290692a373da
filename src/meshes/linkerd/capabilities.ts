import { able, unable, type MeshCapabilities, type MeshPart, type Statements } from '../../capabilities/statement.ts';

const docs = (page: string): string => `https://linkerd.io/2-edge/${page}/`;
const detection = docs('features/protocol-detection');
const httpRoute = docs('reference/httproute');
const retries = docs('reference/retries');
const timeouts = docs('reference/timeouts');
const balancing = docs('features/load-balancing');
const authorization = docs('reference/authorization-policy');
const egress = docs('features/egress');
const mtls = docs('features/automatic-mtls');
const metrics = docs('reference/proxy-metrics');
const flagger = 'https://docs.flagger.app/tutorials/linkerd-progressive-delivery';
const onlyEwma = 'it balances by latency (EWMA), and can be told nothing else';

/** Of Linkerd’s edge releases of 2026, as its documentation has it. */
const says: Statements = {
  'protocols/http-1': able('detected, or appProtocol', detection),
  'protocols/http-2': able('detected, or appProtocol', detection),
  'protocols/https': able('as TCP: the proxies do not look inside', detection),
  'protocols/grpc-unary': able('as HTTP/2; GRPCRoute', detection),
  'protocols/grpc-streaming': able('as HTTP/2; GRPCRoute', detection),
  'protocols/tcp': able('what is no HTTP', detection),
  'protocols/detection': able('of HTTP; a server that speaks first needs an opaque port', detection),
  'protocols/websockets': able('upgrades of HTTP', docs('features/http-grpc')),
  'routing/header': able('headers of an HTTPRoute', docs('tasks/configuring-dynamic-request-routing')),
  'routing/path-and-method': able('path and method of an HTTPRoute', httpRoute),
  'routing/weight': able('weights of an HTTPRoute', docs('features/traffic-split')),
  'routing/mirroring': unable('its HTTPRoute has no RequestMirror', httpRoute),
  'routing/redirects-and-rewrites': able('RequestRedirect of an HTTPRoute; no rewrites', httpRoute),
  'routing/shifting': able('weights of an HTTPRoute that is written step by step', docs('features/traffic-split')),
  'resiliency/request-timeout': able('annotation timeout.linkerd.io/request', timeouts),
  'resiliency/per-try-timeout': able('annotation retry.linkerd.io/timeout', retries),
  'resiliency/per-route-timeout': able('annotation timeout.linkerd.io/request of an HTTPRoute', timeouts),
  'resiliency/retries-by-status': able('annotation retry.linkerd.io/http', retries),
  'resiliency/retries-by-route': able('annotation retry.linkerd.io/http of an HTTPRoute', retries),
  'resiliency/retry-budget': able('retryBudget of a ServiceProfile', docs('reference/service-profiles')),
  'resiliency/circuit-breaker': unable(
    'no bound on connections or waiting requests: a failing endpoint is left out instead',
    docs('reference/circuit-breaking'),
  ),
  'resiliency/outlier-detection': able(
    'annotation balancer.linkerd.io/failure-accrual',
    docs('reference/circuit-breaking'),
  ),
  'resiliency/rate-limit-local': able('HTTPLocalRateLimitPolicy', docs('reference/rate-limiting')),
  'resiliency/rate-limit-global': unable('its limits are of each proxy', docs('reference/rate-limiting')),
  'resiliency/quota': unable('its limits are per second', docs('reference/rate-limiting')),
  'resiliency/own-fault-abort': unable(
    'no filter of its own: some of the weight goes to a backend that answers with errors',
    docs('tasks/fault-injection'),
  ),
  'resiliency/own-fault-delay': unable('no filter of its own', docs('tasks/fault-injection')),
  'load-balancing/round-robin': unable(onlyEwma, balancing),
  'load-balancing/least-request': unable(onlyEwma, balancing),
  'load-balancing/random': unable(onlyEwma, balancing),
  'load-balancing/consistent-hash': unable(onlyEwma, balancing),
  'load-balancing/locality': able('topology hints of EndpointSlices', docs('features/topology-aware-routing')),
  'load-balancing/grpc-per-request': able('requests of HTTP/2 are balanced', balancing),
  'security/mtls-everywhere': able('automatic between proxies', mtls),
  'security/mtls-strict': able('default-inbound-policy all-authenticated, or a Server', authorization),
  'security/identity': able('DNS names of service accounts', mtls),
  'security/certificate-rotation': able(
    '24 h by default',
    docs('tasks/automatically-rotating-control-plane-tls-credentials'),
  ),
  'security/trust-domain': able('identityTrustDomain', mtls),
  'security/foreign-ca': able('proxies trust the mesh’s own anchors', mtls),
  'security/authorization': able('Server, AuthorizationPolicy, MeshTLSAuthentication', authorization),
  'security/authorization-by-path': able('an AuthorizationPolicy for an HTTPRoute', authorization),
  'security/jwt': unable('its policies know identities and networks only', authorization),
  'security/network-policy': able('the network’s own; proxies need port 4143', docs('features/network-policy')),
  'security/ingress-gateway': unable('none of its own: an ingress is meshed', docs('tasks/using-ingress')),
  'security/egress-gateway': unable('none: egress is bounded at each proxy', egress),
  'security/egress-refused': able('EgressNetwork with trafficPolicy Deny', egress),
  'security/external-service': able('EgressNetwork with routes; ExternalWorkload', egress),
  'observability/signals-of-services': able('metrics of every proxy', metrics),
  'observability/signals-of-edges': able('metrics of every proxy, by destination', metrics),
  'observability/signals-of-routes': able('outbound_http_route_* of HTTPRoutes', metrics),
  'observability/rates': able('metrics of every proxy', metrics),
  'observability/quantiles': able('histograms of every proxy', metrics),
  'observability/saturation': able('metrics of every proxy; the kubelet', metrics),
  'observability/trace': able('spans of its proxies', docs('tasks/distributed-tracing')),
  'observability/trace-headers': able('its proxies pass them on', docs('tasks/distributed-tracing')),
  'observability/dashboards': able('linkerd viz; Grafana', docs('tasks/grafana')),
  'observability/alerts': able('Prometheus on its metrics', docs('tasks/external-prometheus')),
  'observability/tap': able('linkerd viz tap', docs('reference/cli/viz')),
  'observability/secured-edges': able('linkerd viz edges', docs('reference/cli/viz')),
  'delivery/canary': able('weights, and a controller that analyses', flagger),
  'delivery/promotion': unable('the mesh has none: a controller such as Flagger does it', flagger),
  'delivery/rollback': unable('the mesh has none: a controller such as Flagger does it', flagger),
  'delivery/blue-green': able('backends of an HTTPRoute', httpRoute),
  'delivery/a-b': able('headers of an HTTPRoute', httpRoute),
  'operation/pre-check': able('linkerd check --pre', docs('reference/cli/check')),
  'operation/control-plane-health': able('linkerd check', docs('reference/cli/check')),
  'operation/data-plane-in-sync': able('linkerd check --proxy', docs('reference/cli/check')),
  'operation/injection': able('its injector', docs('features/proxy-injection')),
  'operation/without-sidecars': unable('every pod has a proxy of its own', docs('reference/architecture')),
  'operation/components': able('linkerd version --proxy', docs('reference/cli/version')),
  'operation/overhead': able('metrics of every proxy; the kubelet', metrics),
  'operation/control-plane-outage': able('proxies go on with what they know', docs('features/ha')),
  'operation/proxy-upgrade': able('pods that are made anew', docs('tasks/upgrade')),
  'operation/certificate-day-2': able(
    'two anchors at a time',
    docs('tasks/manually-rotating-control-plane-tls-credentials'),
  ),
};

const licence = 'Apache-2.0';

const parts: readonly MeshPart[] = [
  {
    name: 'Linkerd control plane',
    licence,
    role: 'control-plane',
    does: 'destinations, identity (CA), injector, policy',
    supports: ['Gateway API', 'Server and AuthorizationPolicy', 'annotations', 'ServiceProfile'],
  },
  {
    name: 'linkerd2-proxy',
    licence,
    role: 'data-plane',
    does: 'sidecar of every pod: mutual TLS, balancing, retries, timeouts, counters',
    supports: ['HTTP/1.1', 'HTTP/2', 'gRPC', 'TCP', 'TLS 1.3'],
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
