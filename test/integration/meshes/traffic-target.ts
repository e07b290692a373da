import { expect } from 'chai';
import { isDeepStrictEqual } from 'node:util';
import { pollUntil } from '../../../src/base/poll.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { definitions, forgetSmi, smiObject, successorOf, type Writing } from './smi-objects.ts';
import { namespace, type TestMesh } from './test-mesh.ts';

const called = 'cart';
/** Has a Service of its own: by that its account is known. */
const caller = 'web';
const account = (name: string): object => ({ kind: 'ServiceAccount', name, namespace });
const routes = { kind: 'HTTPRouteGroup', name: 'routes', matches: ['read'] };
const group = smiObject('HTTPRouteGroup', 'routes', {
  matches: [{ name: 'read', pathRegex: '/api/.*', methods: ['GET'] }],
});
const target = (rules: object[]) =>
  smiObject('TrafficTarget', called, { destination: account(called), sources: [account(caller)], rules });

/** Who gets an answer of the service itself, by caller and path. */
type Answered = Readonly<Record<string, boolean>>;
const someRequests: Answered = { 'web /api/1': true, 'web /other': false, 'stranger /api/1': false };
const anyRequest: Answered = { ...someRequests, 'web /other': true };
const all = (answered: boolean): Answered =>
  Object.fromEntries(Object.keys(someRequests).map((each) => [each, answered]));

/**
 * Gives a mesh what succeeds a TrafficTarget, with a route group and without, for a service that no policy speaks of, and sees who is
 * let in with what. Each is the control of the other, and what was before is that of both.
 *
 * @param letsIn whom the mesh lets in where nobody has said anything
 */
export async function provesTarget(
  on: TestMesh,
  { mesh, letsIn }: { mesh: MeshEntry; letsIn: 'everybody' | 'nobody' },
  { write, remove }: Writing,
): Promise<void> {
  const { kube } = on.lab;
  await using _more = await on.deployMore([called, caller]);
  await on.settled();
  let written: string | undefined;
  const before = all(letsIn === 'everybody');
  await reached(on, before);
  try {
    for (const [rules, wanted] of [
      [[routes], someRequests],
      [[], anyRequest],
    ] as const) {
      await kube.apply([...definitions, group, target([...rules])]);
      const yaml = await successorOf(kube, mesh, `TrafficTarget/${called}`);
      if (written !== undefined) await remove(written);
      written = yaml;
      await write(yaml);
      await reached(on, wanted);
      // Nothing to write, but it waits until no proxy lets old connections live by old rules.
      await on.mesh.apply([]);
      expect(await look(on), 'it stays so').to.deep.equal(wanted);
    }
  } finally {
    if (written !== undefined) await remove(written);
    await reached(on, before);
    await forgetSmi(kube);
  }
}

async function look(on: TestMesh): Promise<Answered> {
  const asked = Object.keys(someRequests).map(async (each) => {
    const [who = '', path = ''] = each.split(' ');
    const [answer] = await on.call(who, `http://${called}${path}`);
    return [each, answer!.status === 200] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}

async function reached(on: TestMesh, wanted: Answered): Promise<void> {
  await pollUntil(
    async () => {
      const seen = await look(on);
      return isDeepStrictEqual(seen, wanted) ? { ready: undefined } : { pending: JSON.stringify(seen) };
    },
    { what: `${called} answers ${JSON.stringify(wanted)}`, timeoutMs: 30_000 },
  );
}
