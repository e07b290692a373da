import { expect } from 'chai';
import { pollUntil } from '../../../src/base/poll.ts';
import { judgeShare } from '../../../src/judge/binomial.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { definitions, forgetSmi, smiObject, successorOf, type Writing } from './smi-objects.ts';
import type { TestMesh } from './test-mesh.ts';

/** Chance alone takes none of the shares here for another one. */
const requests = 400;
const root = 'server';
const backends = ['server-v1', 'server-v2'];
/** By service; of all that are called. */
type Weights = Readonly<Record<string, number>>;

const trafficSplit = (weights: Weights): KubeObject =>
  smiObject('TrafficSplit', root, {
    service: root,
    backends: Object.entries(weights).map(([service, weight]) => ({ service, weight })),
  });

/**
 * Reads a TrafficSplit as `meshproof smi` does, gives the mesh what succeeds it, and counts where a client's requests end: by who
 * answers, and by what the sidecars of those count. Without the successor the shares must not fit, nor those of another split.
 */
export async function provesSplit(on: TestMesh, mesh: MeshEntry, { write, remove }: Writing): Promise<void> {
  const { kube } = on.lab;
  const [most, even]: Weights[] = [
    { 'server-v1': 90, 'server-v2': 10 },
    { 'server-v1': 50, 'server-v2': 50 },
  ];
  const swapped: Weights = { 'server-v1': 10, 'server-v2': 90 };
  await using _more = await on.deployMore(backends);
  const allowed = await on.mesh.apply(backends.map((to) => ({ kind: 'authorize', to, from: ['client'] })));
  await on.settled();
  let written: string | undefined;
  try {
    await kube.apply([...definitions, trafficSplit(most!)]);
    const without = await look(on);
    expect(without.answers, 'control: nobody reads the object itself').to.deep.equal({ [root]: requests });
    expect(misfits(without, most!), 'control: without its successor').not.to.deep.equal([]);
    for (const [weights, others] of [
      [most!, [even!, swapped]],
      [even!, [most!, swapped]],
    ] as const) {
      await kube.apply([trafficSplit(weights)]);
      written = await successorOf(kube, mesh, `TrafficSplit/${root}`);
      await write(written);
      await acted(on, weights);
      const seen = await look(on);
      expect(misfits(seen, weights)).to.deep.equal([]);
      for (const other of others)
        expect(misfits(seen, other), `control: ${JSON.stringify(other)}`).not.to.deep.equal([]);
    }
  } finally {
    if (written !== undefined) await remove(written);
    await told(on, undefined);
    await forgetSmi(kube);
    await allowed.undo();
  }
}

interface Seen {
  /** By service whose pod answered. */
  answers: Record<string, number>;
  /** By service whose sidecars counted them. */
  counted: Record<string, number>;
}

async function look(on: TestMesh): Promise<Seen> {
  const before = await counters(on);
  const pods = await podNames(on);
  const answers: Record<string, number> = {};
  for (const pod of await on.answeredBy('client', `http://${root}/`, requests)) {
    const service = pods.get(pod ?? '') ?? 'nobody';
    answers[service] = (answers[service] ?? 0) + 1;
  }
  const after = await counters(on);
  const counted = Object.entries(after).map(([service, count]) => [service, count - (before[service] ?? 0)] as const);
  return { answers, counted: Object.fromEntries(counted.filter(([, count]) => count > 0)) };
}

async function podNames(on: TestMesh): Promise<Map<string, string>> {
  const found = [root, ...backends].map(async (service) =>
    (await on.podsOf(service)).map(({ name }) => [name, service] as const),
  );
  return new Map((await Promise.all(found)).flat());
}

async function counters(on: TestMesh): Promise<Record<string, number>> {
  const counts = [root, ...backends].map(async (service) => {
    const snapshots = await Promise.all((await on.podsOf(service)).map((pod) => on.mesh.metrics(pod)));
    const requestsOf = snapshots.flatMap(({ inbound }) => Object.values(inbound.requestsByCode));
    return [service, requestsOf.reduce((sum, count) => sum + count, 0)] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

/** What does not fit these weights, by either witness; and where the two disagree. */
function misfits({ answers, counted }: Seen, weights: Weights): string[] {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  return [root, ...backends].flatMap((service) => {
    const share = (weights[service] ?? 0) / total;
    const [byAnswers, byCounters] = [answers[service] ?? 0, counted[service] ?? 0];
    return [
      ...(byAnswers === byCounters ? [] : [`${service}: ${byAnswers} answers, its sidecars counted ${byCounters}`]),
      ...[byAnswers, byCounters]
        .map((hits) => judgeShare(hits, requests, share))
        .filter(({ within }) => !within)
        .map(({ observed }) => `${service}: ${observed}`),
    ];
  });
}

/** The client's proxy has the weights, and goes by them. */
async function acted(on: TestMesh, weights: Weights): Promise<void> {
  await told(on, weights);
  await pollUntil(
    async () => {
      const [pod] = await on.answeredBy('client', `http://${root}/`, 1);
      const service = (await podNames(on)).get(pod ?? '');
      return backends.includes(service ?? '') ? { ready: true } : { pending: `${service ?? 'nobody'} answers` };
    },
    { what: 'a backend answers', timeoutMs: 30_000 },
  );
}

/** @param weights undefined: none */
async function told(on: TestMesh, weights: Weights | undefined): Promise<void> {
  const [client] = await on.podsOf('client');
  const total = Object.values(weights ?? {}).reduce((sum, weight) => sum + weight, 0);
  const wanted = JSON.stringify(backends.map((service) => (weights?.[service] ?? 0) / total));
  await pollUntil(
    async () => {
      const lists = weightsIn(await on.mesh.proxyConfig(client!)).map((shares) => JSON.stringify(shares));
      const has = weights === undefined ? lists.length === 0 : lists.length > 0 && lists.every((one) => one === wanted);
      return has ? { ready: true } : { pending: `it has ${lists.join(' and ') || 'no weights'}` };
    },
    { what: 'the weights at the client’s proxy', timeoutMs: 30_000 },
  );
}

/** Shares of the backends wherever a configuration has them: each mesh has a list of its own form, of members with a weight. */
function weightsIn(config: unknown): number[][] {
  if (typeof config !== 'object' || config === null) return [];
  const inside = Object.values(config).flatMap(weightsIn);
  if (!Array.isArray(config)) return inside;
  const members = config as { weight?: unknown }[];
  const weights = backends.map((service) => {
    const own = members.find(
      (member) => typeof member?.weight === 'number' && JSON.stringify(member).includes(service),
    );
    return own?.weight as number | undefined;
  });
  if (weights.some((weight) => weight === undefined)) return inside;
  const total = weights.reduce<number>((sum, weight) => sum + weight!, 0);
  return [weights.map((weight) => weight! / total), ...inside];
}
