import { able, unable, type MeshCapabilities, type MeshPart, type Statements } from '../../capabilities/statement.ts';

const docs = (page: string): string => `https://istio.io/latest/docs/${page}/`;
const virtualService = docs('reference/config/networking/virtual-service');
const destinationRule = docs('reference/config/networking/destination-rule');
const protocolSelection = docs('ops/configuration/traffic-management/protocol-selection');
const rateLimit = docs('tasks/policy-enforcement/rate-limit');
const metrics = docs('reference/config/metrics');
const certificates = docs('concepts/security');
const flagger = 'https://docs.flagger.app/tutorials/istio-progressive-delivery';

/** Of Istio 1.31 with sidecars, as its documentation has it. */
const says: Statements = {
  'protocols/http-1': able('port named http, or appProtocol', protocolSelection),
  'protocols/http-2': able('port named http2, or appProtocol', protocolSelection),
  'protocols/https': able('port named https: the sidecars do not look inside', protocolSelection),
  'protocols/grpc-unary': able('port named grpc, or appProtocol', protocolSelection),
  'protocols/grpc-streaming': able('port named grpc, or appProtocol', protocolSelection),
  'protocols/tcp': able('port named tcp, or appProtocol', protocolSelection),
  'protocols/detection': able('of HTTP where the client speaks first; else the port must say', protocolSelection),
  'protocols/websockets': able('upgrades of HTTP, by default', protocolSelection),
  'routing/header': able('match.headers of a VirtualService', virtualService),
  'routing/path-and-method': able('match.uri and match.method of a VirtualService', virtualService),
  'routing/weight': able('weights of a VirtualService', virtualService),
  'routing/mirroring': able('mirrors of a VirtualService', virtualService),
  'routing/redirects-and-rewrites': able('redirect and rewrite of a VirtualService', virtualService),
  'routing/shifting': able('weights of a VirtualService', docs('tasks/traffic-management/traffic-shifting')),
  'resiliency/request-timeout': able('timeout of a VirtualService', virtualService),
  'resiliency/per-try-timeout': able('retries.perTryTimeout of a VirtualService', virtualService),
  'resiliency/per-route-timeout': able('timeout of a route of a VirtualService', virtualService),
  'resiliency/retries-by-status': able('retries.retryOn of a VirtualService', virtualService),
  'resiliency/retries-by-route': able('retries of a route of a VirtualService', virtualService),
  'resiliency/retry-budget': able('trafficPolicy.retryBudget of a DestinationRule', destinationRule),
  'resiliency/circuit-breaker': able('connectionPool of a DestinationRule', destinationRule),
  'resiliency/outlier-detection': able('outlierDetection of a DestinationRule', destinationRule),
  'resiliency/rate-limit-local': able('an EnvoyFilter', rateLimit),
  'resiliency/rate-limit-global': able('an EnvoyFilter and a rate limit service', rateLimit),
  'resiliency/quota': able('a rate limit service with long units', rateLimit),
  'resiliency/own-fault-abort': able('fault.abort of a VirtualService, at the caller', virtualService),
  'resiliency/own-fault-delay': able('fault.delay of a VirtualService, at the caller', virtualService),
  'load-balancing/round-robin': able('loadBalancer.simple ROUND_ROBIN', destinationRule),
  'load-balancing/least-request': able('loadBalancer.simple LEAST_REQUEST, the default', destinationRule),
  'load-balancing/random': able('loadBalancer.simple RANDOM', destinationRule),
  'load-balancing/consistent-hash': able('loadBalancer.consistentHash', destinationRule),
  'load-balancing/locality': able('localityLbSetting', docs('tasks/traffic-management/locality-load-balancing')),
  'load-balancing/grpc-per-request': able('Envoy balances requests of gRPC', protocolSelection),
  'security/mtls-everywhere': able('automatic between sidecars', certificates),
  'security/mtls-strict': able('PeerAuthentication STRICT', docs('reference/config/security/peer_authentication')),
  'security/identity': able('SPIFFE ids of service accounts', certificates),
  'security/certificate-rotation': able('SECRET_TTL of the agents, 24 h by default', certificates),
  'security/trust-domain': able('trustDomain and its aliases', docs('tasks/security/authorization/authz-td-migration')),
  'security/foreign-ca': able(
    'sidecars trust the mesh’s own roots',
    docs('tasks/security/cert-management/plugin-ca-cert'),
  ),
  'security/authorization': able('AuthorizationPolicy', docs('reference/config/security/authorization-policy')),
  'security/authorization-by-path': able(
    'operations of an AuthorizationPolicy',
    docs('reference/config/security/authorization-policy'),
  ),
  'security/jwt': able('RequestAuthentication', docs('reference/config/security/request_authentication')),
  'security/network-policy': able('the network’s own; beside it', docs('ops/deployment/application-requirements')),
  'security/ingress-gateway': able('Gateway', docs('tasks/traffic-management/ingress/ingress-control')),
  'security/egress-gateway': able('Gateway', docs('tasks/traffic-management/egress/egress-gateway')),
  'security/egress-refused': able(
    'outboundTrafficPolicy REGISTRY_ONLY',
    docs('tasks/traffic-management/egress/egress-control'),
  ),
  'security/external-service': able('ServiceEntry', docs('reference/config/networking/service-entry')),
  'observability/signals-of-services': able('istio_* metrics, and those of every Envoy', metrics),
  'observability/signals-of-edges': able('istio_* metrics, and those of every Envoy', metrics),
  'observability/signals-of-routes': able(
    'classified metrics of its own Envoy',
    docs('tasks/observability/metrics/classify-metrics'),
  ),
  'observability/rates': able('istio_* metrics, and those of every Envoy', metrics),
  'observability/quantiles': able('histograms of every Envoy', metrics),
  'observability/saturation': able('counters of every Envoy; the kubelet', metrics),
  'observability/trace': able('Telemetry with a tracing provider', docs('tasks/observability/distributed-tracing')),
  'observability/trace-headers': able('Envoy passes them on', docs('tasks/observability/distributed-tracing/overview')),
  'observability/dashboards': able('Grafana on its metrics', docs('ops/integrations/grafana')),
  'observability/alerts': able('Prometheus on its metrics', docs('ops/integrations/prometheus')),
  'observability/tap': able('access logs of its Envoys', docs('tasks/observability/logs/access-log')),
  'observability/secured-edges': able('connection_security_policy of its metrics', metrics),
  'delivery/canary': able('weights, and a controller that analyses', flagger),
  'delivery/promotion': unable('the mesh has none: a controller such as Flagger does it', flagger),
  'delivery/rollback': unable('the mesh has none: a controller such as Flagger does it', flagger),
  'delivery/blue-green': able('subsets of a DestinationRule', destinationRule),
  'delivery/a-b': able('match.headers of a VirtualService', virtualService),
  'operation/pre-check': able('istioctl x precheck', docs('reference/commands/istioctl')),
  'operation/control-plane-health': able('readiness of istiod', docs('ops/diagnostic-tools')),
  'operation/data-plane-in-sync': able('istioctl proxy-status', docs('ops/diagnostic-tools/proxy-cmd')),
  'operation/injection': able('its injector', docs('setup/additional-setup/sidecar-injection')),
  'operation/without-sidecars': able(
    'ambient mode: ztunnel on each node (HBONE, port 15008), waypoints for what is HTTP',
    docs('ambient/overview'),
  ),
  'operation/components': able('istioctl version, istioctl proxy-status', docs('reference/commands/istioctl')),
  'operation/overhead': able('resources of its sidecars', docs('ops/deployment/performance-and-scalability')),
  'operation/control-plane-outage': able(
    'sidecars go on with what they were told',
    docs('ops/deployment/architecture'),
  ),
  'operation/proxy-upgrade': able('pods that are made anew, by revision', docs('setup/upgrade/canary')),
  'operation/certificate-day-2': able('two roots at a time', docs('tasks/security/cert-management/plugin-ca-cert')),
};

const parts: readonly MeshPart[] = [
  {
    name: 'istiod',
    tool: 'pilot-discovery',
    role: 'control-plane',
    does: 'configuration of every sidecar (xDS), CA, injector, checks of its own resources',
    supports: ['VirtualService', 'DestinationRule', 'AuthorizationPolicy', 'PeerAuthentication', 'Gateway API'],
  },
  {
    name: 'pilot-agent',
    tool: 'pilot-agent',
    role: 'data-plane',
    does: 'in every sidecar: fetches its certificates, starts its Envoy, redirects the pod’s connections',
    supports: ['native sidecars', 'SDS'],
  },
  {
    name: 'Envoy',
    tool: 'envoy',
    role: 'data-plane',
    does: 'sidecar of every pod: mutual TLS, routing, retries, timeouts, counters',
    supports: ['HTTP/1.1', 'HTTP/2', 'gRPC', 'TCP', 'TLS 1.3'],
  },
  {
    name: 'istioctl',
    tool: 'istioctl',
    role: 'cli',
    does: 'generates what is installed',
    supports: ['profiles', 'revisions'],
  },
];

export const istioCapabilities: MeshCapabilities = { parts, says };
