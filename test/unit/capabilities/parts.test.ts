import { expect } from 'chai';
import { dialectsOf, runningParts } from '../../../src/library/capabilities.ts';
import type { MeshComponent } from '../../../src/meshes/adapter.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { toy } from '../meshes/toy-mesh.ts';

const entry: MeshEntry = {
  ...toy,
  capabilities: {
    says: {},
    parts: [
      { name: 'Brain', licence: 'MIT', role: 'control-plane', does: 'thinks', supports: [] },
      { name: 'Envoy', tool: 'envoy', role: 'data-plane', does: 'carries', supports: [] },
    ],
  },
};
const component = (part: Partial<MeshComponent>): MeshComponent => ({
  ...{ name: 'x', version: '7', role: 'control-plane', ready: true },
  ...part,
});

describe('the parts of a mesh that runs', () => {
  it('are told by their program, else by their role; version and readiness are those that were seen', () => {
    const rows = runningParts(entry, [
      component({ name: 'envoy of web', role: 'data-plane', tool: 'envoy', ready: false }),
      component({ name: 'brain-1' }),
    ]);
    expect(rows[0]).to.include({
      name: 'envoy of web',
      does: 'carries',
      licence: 'Apache-2.0',
      version: '7',
      ready: false,
    });
    expect(rows[1]).to.include({ name: 'brain-1', does: 'thinks', licence: 'MIT' });
  });

  it('say in which dialect the control plane is told policies, where in one', () => {
    const both = [component({}), component({ name: 'envoy', role: 'data-plane' })];
    expect(runningParts(entry, both, 'routes').map(({ dialect }) => dialect)).to.deep.equal(['routes', undefined]);
    expect(runningParts(entry, both)[0]).not.to.have.property('dialect');
    const dialects = { routes: { title: 'Routes', policies: { retry: {} } }, other: { title: 'Other', policies: {} } };
    const row = { mesh: 'toy', dialect: 'routes', title: 'Routes', policies: ['retry'] };
    expect(dialectsOf({ ...entry, dialects }, 'routes')).to.deep.equal([row]);
    expect(dialectsOf({ ...entry, dialects })).to.have.length(2);
    expect(dialectsOf(entry)).to.deep.equal([]);
  });

  it('are shown though nobody knows what they do', () => {
    expect(runningParts(toy, [component({})])[0]).to.include({ name: 'x', does: '', licence: 'unknown' });
  });
});
