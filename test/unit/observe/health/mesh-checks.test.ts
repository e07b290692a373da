import { expect } from 'chai';
import type { CheckContext } from '../../../../src/observe/health/check.ts';
import type { HealthCheck } from '../../../../src/observe/health/health.ts';
import type { PodJson } from '../../../../src/observe/health/pod.ts';
import { meshChecks } from '../../../../src/observe/health/sidecars.ts';
import { runCheck } from '../../../../src/observe/health/take-health.ts';
import type {
  MeshAdapter,
  MeshCheck,
  MeshComponent,
  MeshFinding,
  SidecarProblem,
} from '../../../../src/meshes/adapter.ts';
import { pod } from './objects.ts';

const hour = 3_600_000;

interface MeshSays {
  components?: MeshComponent[];
  problems?: SidecarProblem[];
  leftMs?: number;
  pods?: PodJson[];
  /** Of a check that only this mesh has. */
  ownProblems?: string[];
  ownFindings?: MeshFinding[];
  /** What is wrong passes by itself, before the third look. */
  passes?: boolean;
}

/** Runs the mesh checks against what a mesh and the API would say; the adapters themselves are tested on a cluster. */
async function check(says: MeshSays): Promise<Record<string, HealthCheck>> {
  const {
    components = [{ name: 'consul', version: '1.22.7', role: 'control-plane', ready: true }],
    problems = [],
    leftMs = hour,
    passes = false,
  } = says;
  const looks = new Map<string, number>();
  /** What a look finds: nothing any more, where it passes. */
  const unlessPassed = <T>(what: string, found: T[]): T[] => {
    looks.set(what, (looks.get(what) ?? 0) + 1);
    return passes && looks.get(what)! > 2 ? [] : found;
  };
  const mesh = {
    name: 'consul',
    sidecarContainer: 'proxy',
    components: async () => components,
    sidecarProblems: async () => unlessPassed('sidecars', problems),
    healthChecks: (): MeshCheck[] => [
      {
        id: 'mesh/own',
        title: 'Its own',
        category: 'mesh',
        look: async () => ({
          problems: unlessPassed('own', says.ownProblems ?? []),
          passing: passes,
          findings: says.ownFindings ?? [],
          fine: 'fine',
          hint: 'Look.',
        }),
      },
    ],
    certificates: async () => [
      { identity: 'spiffe://web', notBefore: Date.now() - hour, notAfter: Date.now() + leftMs },
    ],
  } as unknown as MeshAdapter;
  let now = 0;
  const context = {
    clock: { now: Date.now, monotonicMs: () => now, sleep: async (ms: number) => void (now += ms) },
    signal: new AbortController().signal,
    namespaces: ['demo'],
    pods: async () => says.pods ?? [pod({ initNames: ['proxy'] })],
  } as unknown as CheckContext;
  const results = await Promise.all(meshChecks(mesh).map((each) => runCheck(each, context, 1000)));
  return Object.fromEntries(results.flat().map((result) => [result.id, result]));
}
const reds = (results: Record<string, HealthCheck>): string[] =>
  Object.values(results)
    .filter(({ status }) => status !== 'pass')
    .map(({ id, status }) => `${id} ${status}`);

describe('mesh checks', () => {
  it('pass when all is well', async () => {
    const results = await check({});
    expect(reds(results)).to.deep.equal([]);
    expect(results['mesh/sidecars']!.observed).to.equal('1 of 1 meshed pods');
  });

  it('each sees its own trouble only', async () => {
    const sick = await check({
      components: [{ name: 'consul', version: '1.22.7', role: 'control-plane', ready: false }],
    });
    expect(reds(sick)).to.deep.equal(['mesh/components fail']);
    const lost = await check({
      problems: [{ namespace: 'demo', pod: 'web', service: 'web', problem: 'not-in-sync', detail: 'CDS is stale' }],
    });
    expect(reds(lost)).to.deep.equal(['mesh/sidecars fail']);
    expect(lost['mesh/sidecars']!.observed).to.equal('demo/web (web): not-in-sync: CDS is stale');
    expect(reds(await check({ leftMs: 60_000 }))).to.deep.equal(['certificates/mesh fail']);
    expect(reds(await check({ ownProblems: ['it lost its mind'] }))).to.deep.equal(['mesh/own fail']);
  });

  it('wait for what passes by itself, such as an update under way', async () => {
    const warming: SidecarProblem = {
      namespace: 'demo',
      pod: 'web',
      service: 'web',
      problem: 'not-in-sync',
      detail: '2 clusters or listeners are still warming',
    };
    expect(reds(await check({ problems: [warming], ownProblems: ['STALE'], passes: true }))).to.deep.equal([]);
    const stays = await check({ problems: [warming], ownProblems: ['STALE'] });
    expect(reds(stays)).to.deep.equal(['mesh/sidecars fail', 'mesh/own fail']);
  });

  it('show what the mesh’s own checker found by its codes, in the place of its check', async () => {
    const finding: MeshFinding = { id: 'mesh/X1', title: 'X1', observed: 'Route a: no such host', hint: 'See X1.' };
    const results = await check({ ownFindings: [finding] });
    expect(reds(results)).to.deep.equal(['mesh/X1 fail']);
    expect(results['mesh/X1']).to.include(finding);
    expect(results).not.to.have.property('mesh/own');
  });

  it('say nothing good of a mesh without pods, or without components', async () => {
    expect(reds(await check({ pods: [pod()] }))).to.deep.equal(['mesh/sidecars invalid', 'certificates/mesh invalid']);
    expect(reds(await check({ components: [] }))).to.deep.equal(['mesh/components fail']);
  });

  it('name a pod whose sidecar is missing, even if it is the only pod', async () => {
    const missing: SidecarProblem = {
      namespace: 'demo',
      pod: 'web',
      service: 'web',
      problem: 'no-sidecar',
      detail: 'no container proxy',
    };
    expect((await check({ pods: [pod()], problems: [missing] }))['mesh/sidecars']).to.include({ status: 'fail' });
  });
});
