import { expect } from 'chai';
import { capabilityCell, type CapableMesh } from '../../../src/capabilities/cell.ts';
import type { Capability } from '../../../src/capabilities/define-capability.ts';
import type { Tried } from '../../../src/capabilities/proof.ts';
import { able, unable } from '../../../src/capabilities/statement.ts';
import { capabilities } from '../../../src/library/capabilities.ts';
import { toy } from '../meshes/toy-mesh.ts';

const row: Capability = {
  id: 'resiliency/request-timeout',
  title: 'Timeout of a request',
  policy: 'timeout',
  proof: { claim: 'bounds-latency', policy: 'timeout' },
};
const scenario: Tried = { scenario: 'bounded', claim: 'bounds-latency', policies: ['timeout'], route: false };
const mesh = (part: Partial<CapableMesh>): CapableMesh => ({ ...toy, ...part });
const says = (statement: ReturnType<typeof able>): CapableMesh['capabilities'] => ({
  parts: [],
  says: { 'resiliency/request-timeout': statement },
});

describe('a cell of the capability matrix', () => {
  it('is proven where a scenario makes the claim and the mesh carries out its policies', () => {
    const cell = capabilityCell(row, toy, [scenario, { ...scenario, scenario: 'another' }]);
    expect(cell).to.include({ status: 'proven', scenario: 'bounded', mesh: 'toy', group: 'Resiliency' });
    expect(cell.alsoBy).to.deep.equal(['another']);
  });

  it('is not proven without a scenario, without the policy in it, or on a mesh that has no renderer', () => {
    for (const [what, tried, policies] of [
      ['no scenario', [], toy.policies],
      ['another claim', [{ ...scenario, claim: 'recovers-errors' }], toy.policies],
      ['another policy', [{ ...scenario, policies: [] }], toy.policies],
      ['no renderer', [scenario], {}],
      ['no renderer for all of it', [{ ...scenario, policies: ['timeout', 'retry'] as const }], toy.policies],
    ] as const) {
      const cell = capabilityCell(row, mesh({ policies, capabilities: says(able('by a rule', 'https://a.example')) }), [
        ...tried,
      ]);
      expect(cell.status, what).to.equal('supported');
      expect(cell.reason, what).to.match(/^by a rule; not proven: /);
      expect(cell.scenario, what).to.equal(undefined);
    }
  });

  it('is unsupported where the mesh says so, with its reason and source, whatever scenarios there are', () => {
    const cell = capabilityCell(row, mesh({ capabilities: says(unable('it has none', 'https://a.example')) }), [
      scenario,
    ]);
    expect(cell).to.include({ status: 'unsupported', reason: 'it has none', source: 'https://a.example' });
  });

  it('is skipped, not supported, where nobody has looked it up', () => {
    const cell = capabilityCell({ id: 'security/jwt', title: 'JWT' }, toy, []);
    expect(cell).to.include({ status: 'skipped', reason: 'nobody has looked up yet whether Toy can do it' });
  });

  it('of a route is proven only by what is tried on routes', () => {
    const route: Capability = { ...row, proof: { ...row.proof!, route: true, condition: 'where there are routes' } };
    expect(capabilityCell(route, toy, [scenario]).status).to.equal('supported');
    const cell = capabilityCell(route, toy, [{ ...scenario, route: true }]);
    expect(cell).to.include({ status: 'proven', reason: 'where there are routes' });
  });
});

describe('the capability matrix', () => {
  it('has a cell for each row and mesh, each with a scenario or a reason', async () => {
    const cells = await capabilities();
    expect(new Set(cells.map(({ id, mesh: name }) => `${id} ${name}`)).size).to.equal(cells.length);
    for (const cell of cells) {
      if (cell.status === 'proven') expect(cell.scenario, cell.id).to.match(/^[a-z-]+$/);
      else expect(cell.reason, cell.id).to.match(/\w{2}/);
    }
  });

  it('knows what the scenarios that come along prove', async () => {
    for (const cell of await capabilities()) {
      if (cell.id === 'resiliency/retries-by-status') expect(cell.scenario).to.equal('retries-recover-errors');
      if (cell.id === 'security/mtls-everywhere') expect(cell.scenario).to.equal('mtls-everywhere');
      if (cell.id === 'security/jwt') expect(cell.status).not.to.equal('proven');
    }
  });
});
