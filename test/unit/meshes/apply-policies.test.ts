import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import type { Json } from '../../../src/base/json.ts';
import { planPolicies, resetPolicies, restorePolicies } from '../../../src/meshes/apply-policies.ts';
import { meshes, outsideOf, type MeshName } from '../../../src/meshes/index.ts';
import type { PolicyRollback } from '../../../src/meshes/policy-plan.ts';
import type { Policy } from '../../../src/policies/index.ts';
import { asJson, toy, toyTarget } from './toy-mesh.ts';

const timeout = (service: string, timeoutMs: number): Policy => ({ kind: 'timeout', service, timeoutMs });

describe('policies of any mesh', () => {
  it('write nothing while they are planned, and say what takes them back', async () => {
    const { target, writes } = toyTarget({ web: 7 });
    const plan = await planPolicies(target, [timeout('web', 9), timeout('cart', 3)], undefined);
    expect(writes).to.deep.equal([]);
    expect(plan.rendered).to.equal('web: 9\n---\ncart: 3\n');
    expect(plan.rollback.resources, 'the last written first').to.deep.equal([
      { id: 'cart', value: null },
      { id: 'web', value: 7 },
    ]);
  });

  it('are taken back from JSON alone, as often as one likes', async () => {
    const { target, rules } = toyTarget({ web: 7 });
    const plan = await planPolicies(target, [timeout('web', 9), timeout('cart', 3)], undefined);
    const written = asJson(plan.rollback) as unknown as PolicyRollback;
    await plan.apply();
    expect(rules).to.deep.equal({ web: 9, cart: 3 });
    await restorePolicies(target, written);
    await restorePolicies(target, written);
    expect(rules).to.deep.equal({ web: 7 });
  });

  it('leave nothing behind when one of them is refused', async () => {
    const { target, rules } = toyTarget({ web: 7 }, ({ id, value }) =>
      id === 'cart' && value !== null ? new Error('no cart') : undefined,
    );
    const plan = await planPolicies(target, [timeout('web', 9), timeout('cart', 3)], undefined);
    await plan.apply().then(
      () => expect.fail('it was refused'),
      (error: Error) => expect(error.message).to.equal('no cart'),
    );
    expect(rules).to.deep.equal({ web: 7 });
  });

  it('try again to be taken back where the control plane stumbles', async () => {
    let stumbles = 0;
    const stumble = new MeshproofError('MESHPROOF_MESH_API', 'no leader', 'Wait.', { retryable: true });
    const { target, rules } = toyTarget({}, ({ value }) => (value === null && stumbles++ < 2 ? stumble : undefined));
    const plan = await planPolicies(target, [timeout('web', 9)], undefined);
    const applied = await plan.apply();
    await applied.undo();
    expect(rules).to.deep.equal({});
    expect(stumbles).to.equal(3);
  });

  it('do not try again where taking back is refused', async () => {
    let tries = 0;
    const { target } = toyTarget({}, ({ value }) =>
      value === null && ++tries > 0 ? new Error('no such field') : undefined,
    );
    const applied = await (await planPolicies(target, [timeout('web', 9)], undefined)).apply();
    await applied.undo().then(
      () => expect.fail('it was refused'),
      (error: Error) => expect(error.message).to.equal('no such field'),
    );
    expect(tries).to.equal(1);
  });

  it('go back to the baseline whatever was written, and what is as it should be is not written again', async () => {
    const { target, rules, writes } = toyTarget({ web: 7, cart: 3, db: 5 });
    await resetPolicies(target, [timeout('db', 5), timeout('web', 1)]);
    expect(rules).to.deep.equal({ web: 1, db: 5 });
    expect(writes).to.deep.equal([
      { id: 'cart', value: null },
      { id: 'web', value: 1 },
    ]);
  });

  it('go back to the baseline by what else was read of the services', async () => {
    const { target, rules } = toyTarget({ web: 7, 'facts/web': 3 });
    const withFacts = {
      ...target,
      pristine: (current: ReadonlyMap<string, Json>) =>
        target.pristine(current).filter(({ id }) => !id.startsWith('facts/')),
      render: (_: readonly Policy[], current: ReadonlyMap<string, Json>) => [
        { id: 'web', value: current.get('facts/web') ?? null },
      ],
    };
    await resetPolicies(withFacts, [timeout('web', 3)]);
    expect(rules).to.deep.equal({ web: 3, 'facts/web': 3 });
  });
});

describe('the registry of meshes', () => {
  it('has each under its own name', () => {
    for (const name of Object.keys(meshes) as MeshName[]) expect(meshes[name].name).to.equal(name);
  });

  it('keeps pods out of every mesh, of a new one too', () => {
    const before = outsideOf();
    const { labels, annotations } = outsideOf([...Object.values(meshes), toy]);
    expect(labels).to.deep.equal(before.labels);
    expect(annotations).to.deep.equal({ ...before.annotations, 'toy.example/inject': 'no' });
  });

  it('says which policies a mesh can do', () => {
    expect(Object.keys(toy.policies)).to.deep.equal(['timeout']);
    expect(Object.keys(meshes.consul.policies)).to.include.members(['retry', 'timeout']);
  });
});
