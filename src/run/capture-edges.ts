import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvidencePath } from '../evidence/path.ts';
import type { CaptureRecord } from '../judge/rules/wire-rules.ts';
import { MeshproofError } from '../base/errors.ts';
import { scratchFolder } from '../base/scratch.ts';
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
import { watchHiddenIdentities } from './hidden-identities.ts';

export interface RunningCaptures extends AsyncDisposable {
  /** @param judgedFromMs connections that ended before it (epoch ms) are not judged: the load begins later */
  finish(judgedFromMs: number): Promise<CapturedEdges>;
}

export interface CaptureEdgesOptions {
  scenario: string;
  /** Folder of its evidence. */
  arm: string;
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
  // Pods are captured whole: what a killed run left is too much to keep.
  const scratch = await scratchFolder(capturesDir);
  const folder = scratch.path;
  /** By the names of their files. */
  const running = new Map<string, RunningCapture>();
  const cleanup = await rollback.record({
    what: `captures of ${scenario} ${arm}`,
    injector: 'host-folder',
    args: { folder },
    place: 'host',
    undo: async () => {
      await Promise.all([...running.values()].map((capture) => capture.stop()));
      await scratch[Symbol.asyncDispose]();
    },
  });
  const capture = async (pod: PodRef, on: 'eth0' | 'lo', filter?: string): Promise<RunningCapture> => {
    const argvFor = (argv: string[]) => access.command(pod, argv);
    const file = join(folder, fileOf(pod, on));
    const started = await startCapture({ pod, argvFor, tcpdump, signal, file, interface: on, filter });
    running.set(fileOf(pod, on), started);
    return started;
  };
  const hidden = await watchHiddenIdentities(
    {
      ...{ app, edges, pods },
      captureToApp: (pod, port) => capture(pod, 'lo', `tcp dst port ${port}`),
    },
    context,
  );
  await Promise.all([...pods.values()].flat().map((pod) => capture(pod, 'eth0')));
  const nodes = nodesOf([...pods.values()].flat());
  const wireEdge = ({ source, destination }: AppEdge, side: Side, judgedFromMs: number): WireEdge => ({
    source,
    destination,
    side,
    judgedFromMs,
    ...(nodes && { nodes }),
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
    await Promise.all([...running].map(async ([file, each]) => results.set(file, await each.stop())));
    const keys = await hidden?.keys();
    const records: CaptureRecord[] = [];
    for (const edge of edges) {
      for (const side of ['client', 'server'] as const) {
        const path = pcap(edge, side);
        const own = (pods.get(side === 'client' ? edge.source : edge.destination) ?? []).flatMap(
          (pod) => results.get(fileOf(pod, 'eth0')) ?? [],
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
            handshakes: await openHandshakes(file, record.edge, keys.log),
            keyLogSha256: keys.sha256,
          };
        }
        records.push(record);
      }
    }
    const captures = await context.evidence.json(evidencePath(scenario, arm, 'captures.json'), records);
    const witnesses =
      hidden && (await context.evidence.json(evidencePath(scenario, arm, 'witnesses.json'), await hidden.witnesses()));
    await dispose();
    return { captures, pcap, witnesses };
  };
  const dispose = async (): Promise<void> => {
    await hidden?.[Symbol.asyncDispose]();
    await cleanup.run();
  };
  return { finish, [Symbol.asyncDispose]: dispose };
}

function fileOf({ uid }: PodRef, on: string): string {
  return `${uid}.${on}.pcap`;
}

/** By address; undefined where all are on one. */
function nodesOf(pods: readonly PodRef[]): Record<string, string> | undefined {
  const nodes = Object.fromEntries(pods.map(({ ip, node }) => [ip, node]));
  return new Set(Object.values(nodes)).size > 1 ? nodes : undefined;
}

function ips(pods: readonly PodRef[] = []): string[] {
  return pods.map(({ ip }) => ip);
}
