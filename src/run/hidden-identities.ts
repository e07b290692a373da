import { createHash } from 'node:crypto';
import type { AppEdge, RunningApp } from '../apps/app.ts';
import type { RunContext } from '../claims/context.ts';
import type { WitnessesByEdge } from '../judge/rules/wire-rules.ts';
import type { PodRef } from '../kube/types.ts';
import {
  forwardedIdentities,
  mergeForwarded,
  type ForwardedIdentity,
} from '../observe/capture/forwarded-identities.ts';
import { parseKeyLog, type KeyLog } from '../observe/capture/key-log.ts';
import type { RunningCapture } from '../observe/capture/tcpdump.ts';

/** Who is at the ends of connections whose TLS hides the certificates: to be asked when the load is over. */
export interface HiddenIdentities extends AsyncDisposable {
  /** What opens the handshakes, with a digest of it; undefined where the proxies write no key logs. */
  keys(): Promise<{ log: KeyLog; sha256: string } | undefined>;
  /** What others than the packets say. */
  witnesses(): Promise<WitnessesByEdge>;
}

interface Watched {
  app: RunningApp;
  edges: readonly AppEdge[];
  pods: ReadonlyMap<string, readonly PodRef[]>;
  /** Captures what a sidecar sends to its app's port, on the pod's loopback. */
  captureToApp: (pod: PodRef, port: number) => Promise<RunningCapture>;
}

/**
 * Lets the proxies write key logs where they can, and listens to what they tell their apps; undefined for a mesh that shows its
 * certificates on the wire. To be started before the captures that are to be opened.
 */
export async function watchHiddenIdentities(
  { app, edges, pods, captureToApp }: Watched,
  { lab, rollback }: RunContext,
): Promise<HiddenIdentities | undefined> {
  const { keyLogs, forwardedHeader: header } = lab.mesh;
  if (!app.meshed || (keyLogs === undefined && header === undefined)) return undefined;
  const noKeyLogs =
    keyLogs &&
    (await rollback.record({
      what: 'key logs of the proxies',
      injector: 'key-logs',
      args: {},
      undo: () => keyLogs.stop(),
    }));
  await keyLogs?.start();
  const http = app.app.services.filter(
    ({ call, name }) => header !== undefined && call !== undefined && pods.has(name),
  );
  const told = await Promise.all(
    http.flatMap(({ name: service, containerPort: port }) =>
      (pods.get(service) ?? []).map(async (pod) => ({ service, port, capture: await captureToApp(pod, port) })),
    ),
  );

  const held = async (): Promise<Map<string, readonly string[]>> =>
    new Map(
      await Promise.all(
        [...pods].map(async ([service, own]) => {
          const certificates = (await Promise.all(own.map((pod) => lab.mesh.certificates(pod)))).flat();
          // An authority in a chain has no identity.
          return [service, [...new Set(certificates.map(({ identity }) => identity).filter(Boolean))]] as const;
        }),
      ),
    );
  const forwarded = async (): Promise<Map<string, ForwardedIdentity[]>> => {
    const found = new Map<string, ForwardedIdentity[]>();
    for (const { service, port, capture } of told) {
      const { file } = await capture.stop();
      const seen = header === undefined ? [] : await forwardedIdentities(file, port, header);
      found.set(service, mergeForwarded([...(found.get(service) ?? []), ...seen]));
    }
    return found;
  };

  const peersOf = async (service: string): Promise<Record<string, number> | undefined> => {
    const all = await Promise.all((pods.get(service) ?? []).map((pod) => lab.mesh.peers?.(pod)));
    const counted = all.filter((each) => each !== undefined);
    const sum: Record<string, number> = {};
    for (const [identity, connections] of counted.flatMap((each) => Object.entries(each)))
      sum[identity] = (sum[identity] ?? 0) + connections;
    return counted.length === 0 ? undefined : sum;
  };

  return {
    async keys() {
      if (keyLogs === undefined) return undefined;
      const logs = await Promise.all([...pods.values()].flat().map((pod) => keyLogs.read(pod)));
      const text = logs.join('');
      return { log: parseKeyLog(text), sha256: createHash('sha256').update(text).digest('hex') };
    },

    async witnesses() {
      const [proxies, apps] = await Promise.all([held(), forwarded()]);
      const peers = new Map(
        await Promise.all([...pods.keys()].map(async (name) => [name, await peersOf(name)] as const)),
      );
      return Object.fromEntries(
        edges.map(({ source, destination }) => [
          `${source}--${destination}`,
          {
            proxies: { client: proxies.get(source) ?? [], server: proxies.get(destination) ?? [] },
            peers: peers.get(destination),
            app: apps.get(destination),
            header: header?.name,
          },
        ]),
      );
    },

    async [Symbol.asyncDispose]() {
      await Promise.all(told.map(({ capture }) => capture.stop()));
      await noKeyLogs?.run();
    },
  };
}
