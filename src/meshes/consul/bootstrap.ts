import { ports, volumes } from './names.ts';
import { proxyId } from './registration.ts';

export interface BootstrapOptions {
  service: string;
  /** Port the app listens on; undefined for pods that only call others. */
  appPort?: number | undefined;
}

/**
 * Envoy's bootstrap, as `consul connect envoy -bootstrap` writes it (an integration test compares them), with `${POD_NAME}`,
 * `${SERVER_IP}` and `${TOKEN}` left for the pod's init container. Two things differ:
 *
 * - The CA is named by its file instead of copied.
 * - No `stats_tags`. Consul's are 26 regular expressions that every new counter is matched against, for labels that a
 *   Prometheus would get; they take half a second of CPU in each proxy that starts. Counters are read by their names here.
 */
export function bootstrapTemplate({ service, appPort }: BootstrapOptions): Record<string, unknown> {
  return {
    admin: {
      access_log: [
        {
          name: 'envoy.access_loggers.file',
          typed_config: { '@type': extension('access_loggers.file.v3.FileAccessLog'), path: '/dev/null' },
        },
      ],
      address: { socket_address: { address: '127.0.0.1', port_value: ports.admin } },
    },
    node: {
      cluster: service,
      id: proxyId('${POD_NAME}'),
      metadata: { namespace: 'default', partition: 'default' },
    },
    layered_runtime: {
      layers: [{ name: 'base', static_layer: { 're2.max_program_size.error_level': 1_048_576 } }],
    },
    static_resources: {
      clusters: [controlPlane(), ...(appPort === undefined ? [] : [appCluster(appPort)])],
      ...(appPort === undefined ? {} : { listeners: [readyListener()] }),
    },
    stats_config: { stats_tags: [], use_all_default_tags: true },
    // Histograms show up in the admin port only after a flush; the default of 5 s is too slow to read a phase.
    stats_flush_interval: '0.5s',
    dynamic_resources: {
      lds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      cds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: {
          initial_metadata: [{ key: 'x-consul-token', value: '${TOKEN}' }],
          envoy_grpc: { cluster_name: controlPlaneCluster },
        },
      },
    },
  };
}

const controlPlaneCluster = 'local_agent';

const extension = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;

/** xDS of the Consul server, over TLS. */
function controlPlane() {
  return {
    name: controlPlaneCluster,
    ignore_health_on_host_removal: false,
    connect_timeout: '1s',
    type: 'STATIC',
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': extension('transport_sockets.tls.v3.UpstreamTlsContext'),
        common_tls_context: { validation_context: { trusted_ca: { filename: `${volumes.config.path}/ca.pem` } } },
      },
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': extension('upstreams.http.v3.HttpProtocolOptions'),
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: controlPlaneCluster,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: '${SERVER_IP}', port_value: ports.xds } } } },
          ],
        },
      ],
    },
  };
}

/**
 * A listener of its own in the bootstrap that answers 200 while the app accepts connections and 503 otherwise. Consul
 * cannot ask the app itself: its port is behind mutual TLS, and opening it for a health check would be a hole.
 */
function readyListener() {
  return {
    name: 'meshproof_ready',
    address: { socket_address: { address: '0.0.0.0', port_value: ports.ready } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': extension('filters.network.http_connection_manager.v3.HttpConnectionManager'),
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
                    '@type': extension('filters.http.health_check.v3.HealthCheck'),
                    pass_through_mode: false,
                    cluster_min_healthy_percentages: { meshproof_app: { value: 100 } },
                    headers: [{ name: ':path', string_match: { exact: '/ready' } }],
                  },
                },
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': extension('filters.http.router.v3.Router') },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function appCluster(appPort: number) {
  return {
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
}
