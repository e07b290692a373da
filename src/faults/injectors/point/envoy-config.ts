/** Share of requests in millionths, as Envoy's FractionalPercent wants it: 33.3333 % must not become 33 %. */
export interface FractionalPercent {
  numerator: number;
  denominator: 'MILLION';
}

/** Body of `envoy.extensions.filters.http.fault.v3.HTTPFault`, the part a fault kind renders. */
export interface EnvoyHttpFault {
  abort?: { http_status: number; percentage: FractionalPercent };
  delay?: { fixed_delay: string; percentage: FractionalPercent };
}

export interface PointConfigOptions {
  listenPort: number;
  adminPort: number;
  appPort: number;
  ledgerPath: string;
  /** Only requests whose path starts with this are hit; others pass untouched. */
  pathPrefix: string;
  /** The fault with the asked share. */
  fault: EnvoyHttpFault;
  /** The same fault at 100 %, for the point's own calibration requests. */
  calibrationFault: EnvoyHttpFault;
}

export function percent(percentage: number): FractionalPercent {
  return { numerator: Math.round(percentage * 10_000), denominator: 'MILLION' };
}

const loopback = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const faultType = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault';

/** Path of requests that the fault point answers itself, to measure the fault without touching the app. */
export const calibrationPath = '/.meshproof/calibration';

/** Requests here only leave an entry in the ledger: they mark an instant on its clock. */
export const markPath = '/.meshproof/mark';

/**
 * Envoy's static configuration of a fault point. It must be invisible but for the fault: the sidecar's
 * x-forwarded-client-cert stays, no header is added but x-forwarded-proto where the sidecar sent none, there is no retry
 * and no timeout of its own, HTTP/1.1 and h2c pass as they come.
 */
export function pointConfig(options: PointConfigOptions): object {
  const { listenPort, adminPort, appPort, ledgerPath, pathPrefix, fault, calibrationFault } = options;
  const withFault = (config: EnvoyHttpFault) => ({ 'envoy.filters.http.fault': { '@type': faultType, ...config } });
  const toApp = { cluster: 'app', timeout: '0s', idle_timeout: '0s' };
  return {
    admin: { address: loopback(adminPort) },
    // The admin layer lets the point switch the fault on and off at one moment.
    layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
    static_resources: {
      listeners: [
        {
          name: 'fault',
          address: loopback(listenPort),
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    stat_prefix: 'fault',
                    codec_type: 'AUTO',
                    generate_request_id: false,
                    skip_xff_append: true,
                    forward_client_cert_details: 'ALWAYS_FORWARD_ONLY',
                    server_header_transformation: 'PASS_THROUGH',
                    stream_idle_timeout: '0s',
                    upgrade_configs: [{ upgrade_type: 'websocket' }],
                    access_log: [
                      {
                        name: 'envoy.access_loggers.file',
                        typed_config: {
                          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
                          path: ledgerPath,
                          log_format: {
                            json_format: {
                              id: '%REQ(X-MESHPROOF-REQUEST-ID)%',
                              start: '%START_TIME(%s.%3f)%',
                              ms: '%DURATION%',
                              heldUs: '%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%',
                              status: '%RESPONSE_CODE%',
                              flags: '%RESPONSE_FLAGS%',
                              path: '%REQ(:PATH)%',
                            },
                          },
                        },
                      },
                    ],
                    http_filters: [
                      { name: 'envoy.filters.http.fault', typed_config: { '@type': faultType } },
                      {
                        name: 'envoy.filters.http.router',
                        typed_config: {
                          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                          suppress_envoy_headers: true,
                        },
                      },
                    ],
                    route_config: {
                      virtual_hosts: [
                        {
                          name: 'app',
                          domains: ['*'],
                          routes: [
                            {
                              match: { path: calibrationPath },
                              direct_response: { status: 200 },
                              typed_per_filter_config: withFault(calibrationFault),
                            },
                            { match: { path: markPath }, direct_response: { status: 200 } },
                            { match: { prefix: pathPrefix }, route: toApp, typed_per_filter_config: withFault(fault) },
                            { match: { prefix: '/' }, route: toApp },
                          ],
                        },
                      ],
                    },
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'app',
          type: 'STATIC',
          connect_timeout: '5s',
          circuit_breakers: {
            thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'app',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(appPort) } }] }],
          },
        },
      ],
    },
  };
}
