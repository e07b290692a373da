import { join } from 'node:path';
import type { App } from '../apps/app.ts';
import { systemClock } from '../base/clock.ts';
import { MeshproofError } from '../base/errors.ts';
import { timedProgress, type Progress, type Timing } from '../base/progress.ts';
import { capabilitiesOfRun } from '../capabilities/of-run.ts';
import type { ExistingCluster } from '../clusters/existing/open-existing.ts';
import { openEvidence } from '../evidence/store.ts';
import { criteria } from '../judge/verdict/criteria.ts';
import { scenarioStatus } from '../judge/verdict/status-of.ts';
import { verdict } from '../judge/verdict/verdict.ts';
import { rightText } from '../kube/rights.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { meshes } from '../meshes/index.ts';
import type { RunReport } from '../report/model.ts';
import { writeReport } from '../report/write-report.ts';
import { hostFacts, toolFacts } from '../run/host-facts.ts';
import { runIdAt } from '../run/run-id.ts';
import type { RunOutcome } from '../run/run.ts';
import { capabilityMatrix } from '../scenario/capability-matrix.ts';
import { findMesh } from './find-mesh.ts';
import { judgeSeen, type Bounds } from './judge.ts';
import { look, scenarioId, type LookOptions } from './look.ts';
import { neededRights, verifyRights } from './rights.ts';

export interface VerifyOptions {
  cluster: ExistingCluster;
  namespace: string;
  /** Default: the one whose sidecars its pods have. */
  mesh?: MeshEntry | undefined;
  /** Which of several control planes. */
  revision?: string | undefined;
  /** Says which edges there should be. */
  app?: App | undefined;
  windowMs: number;
  bounds: Bounds;
  reportsDir: string;
  command: string[];
  progress: Progress;
  signal: AbortSignal;
}

const criterion = {
  id: 'verified',
  title: 'The namespace is in the mesh, as it should be',
  words: { control: 'Without it', treatment: 'As it is' },
};

/**
 * Looks at a namespace that is somebody's, judges what was seen, and writes a report of it. Nothing in the cluster is written.
 *
 * @throws MeshproofError MESHPROOF_RIGHTS where nothing could be seen; MESHPROOF_USAGE as `findMesh`
 */
export async function verify(options: VerifyOptions): Promise<RunOutcome> {
  const { cluster, namespace, windowMs, bounds, signal } = options;
  const timings: Timing[] = [];
  const progress = timedProgress(options.progress, timings);
  const { kube } = cluster;
  const clock = systemClock;
  const started = clock.now();
  const runId = runIdAt(started);
  await refuseBlind(cluster, namespace);
  const open = (entry: MeshEntry): MeshAdapter => openAsGuest(entry, options);
  const found = await findMesh(kube, namespace, { entries: Object.values(meshes), asked: options.mesh, open });
  const { entry, mesh } = found;
  const [usual = ''] = entry.namespaces;
  const installation = await mesh.installation?.().catch(() => undefined);
  const control = installation?.namespace ?? usual;
  const asked = verifyRights(namespace, entry, { control, revision: installation?.revision ?? options.revision });
  const missing = await progress.step('rights', () => cluster.missing(asked));
  for (const right of missing) progress.warn(`a right is missing: ${rightText(right)} (${right.why})`);
  const dir = join(options.reportsDir, runId);
  const evidence = await openEvidence(dir);
  const denied = await evidence.json(`evidence/${scenarioId}/seen/rights.json`, missing.map(rightText));
  const looking: LookOptions = {
    ...{ ...found, kube, namespace, control, windowMs, evidence, clock, signal },
    app: options.app,
  };
  const seen = await progress.step(`looking, and watching traffic for ${windowMs / 1000} s`, () => look(looking));
  const assertions = await judgeSeen(seen, { namespace, missing: denied, bounds }, evidence);
  const status = scenarioStatus(assertions);
  const parts: Pick<RunReport, 'scenarios' | 'assertions' | 'health' | 'errors' | 'signals'> = {
    scenarios: [
      {
        ...{ id: scenarioId, title: `Namespace ${namespace} as it is`, criterion: criterion.id, status, arms: [] },
        ...{ reason: '', durationMs: Math.round(clock.now() - started), assertions },
      },
    ],
    assertions: [],
    signals: [],
    health: { before: seen.health },
    errors: [],
  };
  const judged = criteria(parts.scenarios, [criterion]);
  const report: RunReport = {
    schemaVersion: 1,
    tool: await toolFacts(),
    ...{ runId, seed: 0, startedAt: new Date(started).toISOString() },
    durationMs: Math.round(clock.now() - started),
    command: options.command,
    host: hostFacts({}),
    cluster: { provider: 'existing', kubernetesVersion: cluster.kubernetesVersion, nodes: await nodesOf(cluster) },
    mesh: {
      ...{ name: mesh.name, ...(installation && { installation }) },
      components: await mesh.components().catch(() => []),
      version: mesh.version,
      caveats: mesh.caveats,
    },
    lookedAt: { context: cluster.context, namespace, windowSeconds: windowMs / 1000 },
    verdict: verdict({ ...parts, criteria: judged, interrupted: false }),
    criteria: judged,
    ...parts,
    capabilities: capabilitiesOfRun(await capabilityMatrix([entry]), parts),
    timings,
    evidence: [],
  };
  await writeReport(dir, report);
  return { report, dir };
}

/** @throws MeshproofError MESHPROOF_RIGHTS without what everything rests on */
async function refuseBlind(cluster: ExistingCluster, namespace: string): Promise<void> {
  const missing = await cluster.missing(neededRights(namespace));
  if (missing.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_RIGHTS',
    `The user of the context ${cluster.context} may not look at ${namespace}; it lacks: ${missing.map(rightText).join('; ')}`,
    `\`meshproof verify --rbac --namespace ${namespace}\` prints a role that has what is needed.`,
  );
}

function openAsGuest(entry: MeshEntry, { cluster, namespace, revision, progress, signal }: VerifyOptions): MeshAdapter {
  return entry.open({
    ...{ kube: cluster.kube, kubeconfigPath: cluster.kubeconfigPath, namespace, progress, signal },
    images: {},
    guest: true,
    setup: entry.setup?.adopts === undefined ? {} : { installed: true, revision },
    tool: async (name) => Promise.reject(new TypeError(`${name}: who only looks runs no program`)),
  });
}

async function nodesOf({ kube }: ExistingCluster): Promise<{ name: string; kubeletVersion: string }[]> {
  const nodes = await kube.list('/api/v1/nodes').catch(() => []);
  return nodes.map(({ metadata, status }) => ({
    name: metadata.name,
    kubeletVersion: String((status as { nodeInfo?: { kubeletVersion?: string } }).nodeInfo?.kubeletVersion ?? ''),
  }));
}
