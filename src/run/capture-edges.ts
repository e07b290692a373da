import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvidencePath } from '../evidence/path.ts';
import type { CaptureRecord, WitnessesByEdge } from '../judge/rules/wire-rules.ts';
import { MeshproofError } from '../base/errors.ts';
import { scratchFolder } from '../base/scratch.ts';
import { forwardedIdentities, type ForwardedIdentity } from '../observe/capture/forwarded-identities.ts';
import { parseKeyLog } from '../observe/capture/key-log.ts';
import { openHandshakes } from '../observe/capture/prove-wire.ts';
import { splitCapture } from '../observe/capture/split.ts';
import { startCapture, type CaptureResult, type RunningCapture } from '../observe/capture/tcpdump.ts';
import type { WireEdge } from '../observe/capture/wire.ts';
import type { PodRef } from '../kube/types.ts';
import type { AppEdge, RunningApp } from '../apps/app.ts';
import type { CapturedEdges, Side } from '../claims/arm.ts';
import type { RunContext } from '../claims/context.ts';
import { evidencePath } from '../evidence/store.ts';
import { clusterIps, podsOf } from '../lab/app-pods.ts';

export interface RunningCaptures extends AsyncDisposable {
  /** @param judgedFromMs connections that ended before it (epoch ms) are not judged: the load begins later */
  finish(judgedFromMs: number): Promise<CapturedEdges>;
}

export interface CaptureEdgesOptions {
  scenario: string;
  arm: 'control' | 'treatment';
  edges: readonly AppEdge[];
  app: RunningApp;
  /** Pods of the load client, which no Deployment knows. */
  clients: readonly PodRef[];
}

/** Captures of whole pods, until they are split into evidence. */
export const capturesDir = join(tmpdir(), 'meshproof-captures');

/**
 * One tcpdump on the eth0 of every pod at either end; at the end each edge and side gets its own file. Pods are captured
 * whole and split afterwards: a connection that nobody expected is then in the capture too.
 */
export async function captureEdges(options: CaptureEdgesOptions, context: RunContext): Promise<RunningCaptures> {
  const { lab, signal, rollback } = context;
  const access = lab.cluster.podNetwork;
  if (access === undefined) {
    throw new MeshproofError(
      'MESHPROOF_CAPTURE',
      `The ${lab.cluster.provider} cluster gives no access to pods’ networks`,
      'Use another --cluster: `./bin/meshproof doctor` lists those this machine can have.',
    );
  }
  const { edges, app, clients, scenario, arm } = options;
  const services = [...new Set(edges.flatMap(({ source, destination }) => [source, destination]))];
  const pods = new Map<string, PodRef[]>(
    await Promise.all(services.map(async (service) => [service, await podsOf(app, service, clients)] as const)),
  );
  const addresses = await clusterIps(lab.kube, app.namespace);
  const tcpdump = await lab.toolbox.get('tcpdump');
  const keyLogs = app.meshed ? lab.mesh.keyLogs : undefined;
  const noKeyLogs =
    keyLogs &&
    (await rollback.record({
      what: 'key logs of the proxies',
      injector: 'key-logs',
      args: {},
      undo: () => keyLogs.stop(),
    }));
  await keyLogs?.start();
  // Pods are captured whole: what a killed run left is too much to keep.
  const scratch = await scratchFolder(capturesDir);
  const folder = scratch.path;
  const running = new Map<string, RunningCapture>();
  // Where TLS hides who is there, what the sidecars tell their apps is a second word on it.
  const told = new Map<string, { service: string; port: number; capture: RunningCapture }>();
  const cleanup = await rollback.record({
    what: `captures of ${scenario} ${arm}`,
    injector: 'host-folder',
    args: { folder },
    place: 'host',
    undo: async () => {
      await Promise.all(
        [...running.values(), ...[...told.values()].map(({ capture }) => capture)].map((capture) => capture.stop()),
      );
      await scratch[Symbol.asyncDispose]();
    },
  });
  await Promise.all(
    [...pods.values()].flat().map(async (pod) => {
      const file = join(folder, `${pod.uid}.pcap`);
      running.set(
        pod.uid,
        await startCapture({ pod, argvFor: (argv) => access.command(pod, argv), tcpdump, file, signal }),
      );
    }),
  );
  if (keyLogs) {
    const http = app.app.services.filter(({ call, name }) => call !== undefined && pods.has(name));
    await Promise.all(
      http.flatMap(({ name, containerPort: port }) =>
        (pods.get(name) ?? []).map(async (pod) => {
          const file = join(folder, `${pod.uid}.lo.pcap`);
          const argvFor = (argv: string[]) => access.command(pod, argv);
          const filter = `tcp dst port ${port}`;
          const capture = await startCapture({ pod, argvFor, tcpdump, file, signal, interface: 'lo', filter });
          told.set(pod.uid, { service: name, port, capture });
        }),
      ),
    );
  }
  const wireEdge = ({ source, destination }: AppEdge, side: Side, judgedFromMs: number): WireEdge => ({
    source,
    destination,
    side,
    judgedFromMs,
    sourceIps: ips(pods.get(source)),
    destinationIps: [
      ...ips(pods.get(destination)),
      ...(addresses[destination] === undefined ? [] : [addresses[destination]]),
    ],
  });
  const pcap = (edge: AppEdge, side: Side): EvidencePath =>
    evidencePath(scenario, arm, `${edge.source}--${edge.destination}.${side}.pcap`);
  const finish = async (judgedFromMs: number): Promise<CapturedEdges> => {
    const results = new Map<string, CaptureResult>();
    await Promise.all([...running].map(async ([uid, capture]) => results.set(uid, await capture.stop())));
    const keyLog = keyLogs && (await Promise.all([...pods.values()].flat().map((pod) => keyLogs.read(pod)))).join('');
    const keys = keyLog === undefined ? undefined : parseKeyLog(keyLog);
    const records: CaptureRecord[] = [];
    for (const edge of edges) {
      for (const side of ['client', 'server'] as const) {
        const path = pcap(edge, side);
        const own = (pods.get(side === 'client' ? edge.source : edge.destination) ?? []).flatMap(
          ({ uid }) => results.get(uid) ?? [],
        );
        const record: CaptureRecord = {
          pcap: path,
          edge: wireEdge(edge, side, judgedFromMs),
          plantedTokens: [context.token],
          kernelDrops: 0,
          problems: [],
        };
        for (const result of own) {
          record.kernelDrops += result.kernelDrops;
          record.problems.push(...result.problems);
        }
        if (own.length === 0)
          record.problems.push(`no pod of ${side === 'client' ? edge.source : edge.destination} was captured`);
        const file = await context.evidence.file(path);
        await splitCapture(
          own.map((result) => result.file),
          file,
          record.edge,
        );
        if (keys !== undefined) {
          record.opened = {
            handshakes: await openHandshakes(file, record.edge, keys),
            keyLogSha256: createHash('sha256')
              .update(keyLog ?? '')
              .digest('hex'),
          };
        }
        records.push(record);
      }
    }
    const captures = await context.evidence.json(evidencePath(scenario, arm, 'captures.json'), records);
    const witnesses =
      keyLogs &&
      (await context.evidence.json(evidencePath(scenario, arm, 'witnesses.json'), await identityWitnesses()));
    await cleanup.run();
    await noKeyLogs?.run();
    return { captures, pcap, witnesses };
  };
  const identityWitnesses = async (): Promise<WitnessesByEdge> => {
    const held = new Map(
      await Promise.all(
        [...pods].map(async ([service, own]) => {
          const certificates = (await Promise.all(own.map((pod) => lab.mesh.certificates(pod)))).flat();
          return [service, [...new Set(certificates.map(({ identity }) => identity).filter(Boolean))]] as const;
        }),
      ),
    );
    const forwarded = new Map<string, ForwardedIdentity[]>();
    for (const { service, port, capture } of told.values()) {
      const { file } = await capture.stop();
      forwarded.set(service, [...(forwarded.get(service) ?? []), ...(await forwardedIdentities(file, port))]);
    }
    return Object.fromEntries(
      edges.map(({ source, destination }) => [
        `${source}--${destination}`,
        {
          proxies: { client: held.get(source) ?? [], server: held.get(destination) ?? [] },
          app: forwarded.get(destination),
        },
      ]),
    );
  };
  const dispose = async (): Promise<void> => {
    await cleanup.run();
    await noKeyLogs?.run();
  };
  return { finish, [Symbol.asyncDispose]: dispose };
}

function ips(pods: readonly PodRef[] = []): string[] {
  return pods.map(({ ip }) => ip);
}
