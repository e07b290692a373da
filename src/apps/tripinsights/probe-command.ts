import { dataCalls, type DataCall } from './data-calls.ts';
import { appPort } from './ports.ts';
import type { TripInsightsService } from './topology.ts';

/** Of an exec probe, and of the commands below. */
export const probeTimeoutSeconds = 5;

/**
 * A shell command for inside a service's container that makes its data call and fails unless the answer holds what it
 * must. Needs no Node: wget, and nc for what wget cannot say.
 */
export function dataCallCommand(service: TripInsightsService, port: number = appPort): string[] {
  const call = dataCalls[service];
  const ask = call.method === 'GET' && !call.headers ? wget(call, port) : netcat(call, port);
  return ['/bin/sh', '-c', `${ask} | grep -q ${quote(call.expectBody)}`];
}

/**
 * The same, asked again until it holds. For startup probes: starting a process in a container costs some 50 ms of CPU
 * each time, asking again from within costs 5; a dozen pods that are probed every second starve what they wait for.
 */
export function untilDataCallCommand(service: TripInsightsService, port: number = appPort): string[] {
  return untilCommand(dataCallCommand(service, port)[2]!);
}

/** Repeats a shell condition until it holds, however long the probe's own timeout lets it. */
export function untilCommand(condition: string): string[] {
  return ['/bin/sh', '-c', `until ${condition}; do sleep 0.5; done`];
}

/** One startup probe waits this long before it is started anew. */
export const startupTimeoutSeconds = 60;

function wget(call: DataCall, port: number): string {
  // No limit of its own: -T crashes in Debian's busybox-static 1.35, and busybox' timeout leaves a zombie behind each call,
  // since Node as process 1 reaps no orphans. The probe's own timeout ends it.
  return `wget -q -O - ${quote(`http://127.0.0.1:${port}${call.path}`)}`;
}

function netcat(call: DataCall, port: number): string {
  const body = call.body ?? '';
  const lines = [
    `${call.method} ${call.path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(call.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ];
  return `printf '%s' ${quote(lines.join('\r\n'))} | nc -w ${probeTimeoutSeconds - 1} 127.0.0.1 ${port}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
