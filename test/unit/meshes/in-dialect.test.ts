import { expect } from 'chai';
import { able, unable } from '../../../src/capabilities/statement.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { inDialect } from '../../../src/meshes/in-dialect.ts';

const usual = { retry: {}, timeout: {}, authorize: {} };
const legacy = { retry: {} };
const entry = {
  title: 'Toy',
  policies: usual,
  capabilities: { parts: [], says: { 'routing/weight': able('routes', 'x'), 'routing/header': able('routes', 'x') } },
  dialects: {
    legacy: {
      title: 'profiles',
      policies: legacy,
      retriesBoundedBy: 'budget',
      cannotSay: () => 'never',
      says: { 'routing/header': unable('a profile has none', 'y') },
    },
  },
} as unknown as MeshEntry;

describe('a mesh in one of its dialects', () => {
  it('is the mesh itself where nobody chose one', () => {
    expect(inDialect(entry, undefined)).to.equal(entry);
  });

  it('has the renderers, the limits and the words of the dialect, and of the rest its usual ones', () => {
    const said = inDialect(entry, 'legacy');
    expect(said.title).to.equal('Toy (profiles)');
    expect(said.policies.retry).to.equal(legacy.retry);
    expect(said.policies.timeout).to.equal(usual.timeout);
    expect([said.retriesBoundedBy, said.cannotSay?.([])]).to.deep.equal(['budget', 'never']);
    expect(said.capabilities.says['routing/header']?.able).to.equal(false);
    expect(said.capabilities.says['routing/weight']?.able).to.equal(true);
    expect(entry.capabilities.says['routing/header']?.able, 'the usual one is as it was').to.equal(true);
  });
});
