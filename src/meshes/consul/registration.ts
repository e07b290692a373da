import { ports } from './names.ts';

export interface Registration {
  service: string;
  /** Port the app listens on; undefined for pods that only call others. */
  appPort?: number;
  /** Port of the Kubernetes Service in front of it; undefined when there is none. */
  servicePort?: number;
}

export interface SidecarRegistration extends Registration {
  /** Name of the Kubernetes Service whose ClusterIP is the virtual address. */
  serviceName?: string;
  /** `tcp` for anything the Service's port does not declare as HTTP. */
  protocol: 'http' | 'tcp';
}

/**
 * What a pod registers at the server's agent, with `${POD_IP}`, `${POD_NAME}`, `${POD_UID}`, `${POD_NAMESPACE}` and
 * `${VIRTUAL_IP}` left for the shell of the init container to fill in.
 *
 * The virtual address is the ClusterIP and must stand on the service *and* on its sidecar: with the first alone, calls
 * to the ClusterIP pass through as plaintext.
 */
export function registrationTemplate(registration: Registration): Record<string, unknown> {
  const { service, appPort, servicePort } = registration;
  const virtual = servicePort === undefined ? {} : virtualAddress(servicePort);
  return {
    service: {
      id: instanceId('${POD_NAME}'),
      name: service,
      address: '${POD_IP}',
      ...(appPort === undefined ? {} : { port: appPort, checks: [appCheck()] }),
      ...virtual,
      meta: podMeta(),
      connect: {
        sidecar_service: {
          port: ports.inbound,
          ...virtual,
          meta: podMeta(),
          checks: [{ name: 'the service behind the sidecar', alias_service: instanceId('${POD_NAME}') }],
          proxy: {
            mode: 'transparent',
            transparent_proxy: { outbound_listener_port: ports.outbound },
            config: {
              // Histograms show up in the admin port only after a flush; the default of 5 s is too slow to read a phase.
              envoy_stats_flush_interval: '0.5s',
              // Consul's own has 26 regular expressions that every new counter is matched against, for labels that a
              // Prometheus would get: half a second of CPU in each proxy that starts. Counters are read by their names here.
              envoy_stats_config_json: JSON.stringify({ stats_tags: [] }),
              ...(appPort === undefined ? {} : readyListener(appPort)),
            },
          },
        },
      },
    },
  };
}

export function instanceId(podName: string): string {
  return podName;
}

export function proxyId(podName: string): string {
  return `${instanceId(podName)}-sidecar-proxy`;
}

const podMeta = () => ({
  'pod-name': '${POD_NAME}',
  'pod-uid': '${POD_UID}',
  'pod-namespace': '${POD_NAMESPACE}',
});

function virtualAddress(port: number) {
  return { tagged_addresses: { virtual: { address: '${VIRTUAL_IP}', port } } };
}

/** Critical from the start: an instance gets traffic only after its app was seen listening. */
function appCheck() {
  return {
    name: 'the app accepts connections behind the sidecar',
    http: `http://\${POD_IP}:${ports.ready}/ready`,
    interval: '1s',
    timeout: '1s',
    status: 'critical',
    // Consul's minimum: instances of pods that died without a word.
    deregister_critical_service_after: '1m',
  };
}

/**
 * A listener of its own in the bootstrap that answers 200 while the app accepts connections and 503 otherwise. Consul
 * cannot ask the app itself: its port is behind mutual TLS, and opening it for a health check would be a hole.
 */
function readyListener(appPort: number) {
  const listener = {
    name: 'meshproof_ready',
    address: { socket_address: { address: '0.0.0.0', port_value: ports.ready } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: 'meshproof_ready',
              route_config: {
                virtual_hosts: [
                  {
                    name: 'nothing_else',
                    domains: ['*'],
                    routes: [{ match: { prefix: '/' }, direct_response: { status: 404 } }],
                  },
                ],
              },
              http_filters: [
                {
                  name: 'envoy.filters.http.health_check',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
                    pass_through_mode: false,
                    cluster_min_healthy_percentages: { meshproof_app: { value: 100 } },
                    headers: [{ name: ':path', string_match: { exact: '/ready' } }],
                  },
                },
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                },
              ],
            },
          },
        ],
      },
    ],
  };
  const cluster = {
    name: 'meshproof_app',
    type: 'STATIC',
    connect_timeout: '1s',
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    health_checks: [
      {
        timeout: '1s',
        interval: '1s',
        // The cluster never carries traffic, so these two are the intervals in force: while failing, while healthy.
        no_traffic_interval: '0.2s',
        no_traffic_healthy_interval: '1s',
        healthy_threshold: 1,
        unhealthy_threshold: 2,
        // A connection only: an HTTP request would be counted as traffic, and be hit by a fault behind the sidecar.
        reuse_connection: false,
        tcp_health_check: {},
      },
    ],
    load_assignment: {
      cluster_name: 'meshproof_app',
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: appPort } } } }],
        },
      ],
    },
  };
  return {
    envoy_extra_static_listeners_json: JSON.stringify(listener),
    envoy_extra_static_clusters_json: JSON.stringify(cluster),
  };
}
