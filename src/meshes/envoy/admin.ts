import { AdminPort, type PodAddress } from '../admin-port.ts';

/** Envoy's admin port, which listens on the pod's loopback. */
export class EnvoyAdmin extends AdminPort {
  /** Counters, gauges and detailed histograms in one reply; see src/observe/telemetry/envoy-histogram.ts. */
  stats(pod: PodAddress): Promise<string> {
    return this.text(pod, '/stats?format=json&histogram_buckets=detailed');
  }

  serverInfo(pod: PodAddress): Promise<ServerInfo> {
    return this.json<ServerInfo>(pod, '/server_info');
  }
}

/** The part of `/server_info` that is used. */
export interface ServerInfo {
  /** `<commit>/1.40.0/Clean/RELEASE/BoringSSL` */
  version: string;
  /** `LIVE` once the first configuration was applied. */
  state: string;
  /** `12s`: of the process. */
  uptime_current_epoch: string;
  command_line_options?: {
    /** `45s` */
    drain_time?: string;
  };
}

export function envoyVersion(info: ServerInfo): string {
  return info.version.split('/')[1] ?? info.version;
}

export function uptimeMs(info: ServerInfo): number {
  return Number.parseFloat(info.uptime_current_epoch) * 1000;
}
