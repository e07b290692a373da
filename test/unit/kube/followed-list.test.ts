import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { systemClock } from '../../../src/base/clock.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { waitForDeployments } from '../../../src/kube/wait.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { json, ScriptedApi } from './api-server.ts';

const path = '/api/v1/namespaces/a/pods';
const pod = (name: string, phase = 'Running'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'a', uid: `uid-${name}` },
  status: { phase },
});

/** An API server that lists what it holds and tells whoever watches of every change. */
class WatchedApi {
  readonly objects = new Map<string, KubeObject>();
  readonly watches = new Map<ServerResponse, string>();
  readonly asked: { list: number; watch: string[] } = { list: 0, watch: [] };
  version = 1;
  refuseWatch = false;

  start(): Promise<ScriptedApi> {
    return ScriptedApi.start((asked, response) => {
      const url = new URL(asked.path, 'http://x');
      const ours = [...this.objects.values()].filter(({ kind }) => url.pathname.endsWith(`/${kind.toLowerCase()}s`));
      if (url.searchParams.get('watch') !== 'true') {
        this.asked.list++;
        const kind = { pods: 'Pod', deployments: 'Deployment', statefulsets: 'StatefulSet' }[
          url.pathname.split('/').at(-1)!
        ];
        return json(response, {
          kind: `${kind}List`,
          apiVersion: 'v1',
          metadata: { resourceVersion: String(this.version) },
          items: ours,
        });
      }
      this.asked.watch.push(url.searchParams.get('resourceVersion') ?? '');
      if (this.refuseWatch) return json(response, { reason: 'Expired' }, 410);
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      this.watches.set(response, url.pathname);
      response.once('close', () => this.watches.delete(response));
    });
  }

  change(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.version++;
    if (type === 'DELETED') this.objects.delete(object.metadata.uid!);
    else this.objects.set(object.metadata.uid!, object);
    this.tell({ type, object });
  }

  tell(event: { type: string; object: object }): void {
    const { kind } = event.object as Partial<KubeObject>;
    for (const [watch, of] of this.watches) {
      if (kind === undefined || of.endsWith(`/${kind.toLowerCase()}s`)) watch.write(`${JSON.stringify(event)}\n`);
    }
  }
}

const until = (what: string, isSo: () => boolean): Promise<true> =>
  pollUntil<true>(async () => (isSo() ? { ready: true } : { pending: 'not yet' }), {
    what,
    timeoutMs: 5000,
    intervalMs: 5,
  });

describe('a list that is followed', () => {
  it('is asked for once, and then told of what comes, changes and goes', async () => {
    const world = new WatchedApi();
    world.objects.set('uid-x', pod('x'));
    await using api = await world.start();
    using followed = api.client.follow(path);
    const seen = async (): Promise<string[]> =>
      (await followed.current()).map(({ metadata, status }) => `${metadata.name} ${status.phase}`).sort();
    expect(await seen()).to.deep.equal(['x Running']);
    await until('the watch', () => world.watches.size === 1);
    for (const [type, object, expected] of [
      ['ADDED', pod('y', 'Pending'), ['x Running', 'y Pending']],
      ['MODIFIED', pod('y'), ['x Running', 'y Running']],
      ['DELETED', pod('x'), ['y Running']],
    ] as const) {
      const changed = followed.changed();
      world.change(type, object);
      await changed;
      expect(await seen()).to.deep.equal(expected);
    }
    expect(world.asked).to.deep.equal({ list: 1, watch: ['1'] });
  });

  it('does not miss what changed between a look and the wait for a change', async () => {
    const world = new WatchedApi();
    await using api = await world.start();
    using followed = api.client.follow(path);
    await followed.current();
    await until('the watch', () => world.watches.size === 1);
    world.change('ADDED', pod('x'));
    const first = followed.changed();
    await first;
    // Still unseen.
    await followed.changed();
    expect(await followed.current()).to.have.length(1);
  });

  for (const [what, breaks] of [
    ['broke', (world: WatchedApi) => [...world.watches.keys()].forEach((watch) => watch.destroy())],
    ['ended', (world: WatchedApi) => [...world.watches.keys()].forEach((watch) => watch.end())],
    ['is too old', (world: WatchedApi) => world.tell({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })],
    ['is garbled', (world: WatchedApi) => [...world.watches.keys()].forEach((watch) => watch.write('<html>\n'))],
  ] as const) {
    it(`is asked for anew when its watch ${what}`, async () => {
      const world = new WatchedApi();
      await using api = await world.start();
      using followed = api.client.follow(path);
      expect(await followed.current()).to.deep.equal([]);
      await until('the watch', () => world.watches.size === 1);
      breaks(world);
      await until('the watch to be given up', () => world.watches.size === 0);
      world.change('ADDED', pod('x'));
      expect(await followed.current()).to.have.length(1);
      await until('the next watch', () => world.watches.size === 1);
      expect(world.asked).to.deep.equal({ list: 2, watch: ['1', '2'] });
    });
  }

  it('is asked for at the next look where watches are refused', async () => {
    const world = new WatchedApi();
    world.refuseWatch = true;
    await using api = await world.start();
    using followed = api.client.follow(path);
    expect(await followed.current()).to.deep.equal([]);
    world.objects.set('uid-x', pod('x'));
    const look = async (): Promise<{ ready: true } | { pending: string }> =>
      (await followed.current()).length === 1 ? { ready: true } : { pending: 'the refusal is on its way' };
    await pollUntil(look, { what: 'the new pod', timeoutMs: 2000, intervalMs: 10 });
  });

  it('leaves no connection behind', async () => {
    const world = new WatchedApi();
    await using api = await world.start();
    {
      using followed = api.client.follow(path);
      await followed.current();
      await until('the watch', () => world.watches.size === 1);
    }
    await until('the watch to end', () => world.watches.size === 0);
  });
});

describe('a wait on lists that are followed', () => {
  const deployment = (available: number): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'a', uid: 'uid-web', generation: 1 },
    spec: { replicas: 1 },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: available },
  });

  it('ends with the change it waits for, at the cost of three lists and three watches', async () => {
    const world = new WatchedApi();
    world.objects.set('uid-web', deployment(0));
    await using api = await world.start();
    const reasons: string[] = [];
    const waiting = waitForDeployments(api.client, 'a', {
      timeoutMs: 30_000,
      progress: (reason) => reasons.push(reason),
    });
    await until('three watches', () => world.watches.size === 3);
    const from = systemClock.monotonicMs();
    for (let restarts = 0; restarts < 20; restarts++)
      world.change('MODIFIED', { ...pod('web-1', 'Pending'), spec: { restarts } });
    world.change('MODIFIED', deployment(1));
    await waiting;
    // Long before the next look at its own time: a second.
    expect(systemClock.monotonicMs() - from).to.be.lessThan(900);
    expect(reasons[0]).to.contain('web has 0 of 1 replicas available');
    expect([world.asked.list, world.asked.watch.length]).to.deep.equal([3, 3]);
    await until('the watches to end', () => world.watches.size === 0);
  });
});
