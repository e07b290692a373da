import { expect } from 'chai';
import { groupOf, groups, type Capability } from '../../../src/capabilities/define-capability.ts';
import { capabilities } from '../../../src/capabilities/index.ts';
import type { Statement } from '../../../src/capabilities/statement.ts';
import { claims } from '../../../src/claims/index.ts';
import { partsOf } from '../../../src/library/capabilities.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { policies } from '../../../src/policies/index.ts';
import { readLock } from '../../../src/tools/lock.ts';

const rows = capabilities as readonly Capability[];
const ids = rows.map(({ id }) => id);

describe('the registry of capabilities', () => {
  it('has each row once, in a group that there is, and no group without a row', () => {
    expect(ids).to.deep.equal([...new Set(ids)]);
    expect([...new Set(rows.map(groupOf))]).to.have.members(Object.keys(groups));
  });

  it('rests on claims and policies that there are', () => {
    const claimKinds = claims.map(({ kind }) => kind);
    const policyKinds = policies.map(({ kind }) => kind);
    for (const { id, proof, policy } of rows) {
      if (proof !== undefined) expect(claimKinds, id).to.include(proof.claim);
      for (const kind of [policy, proof?.policy]) if (kind !== undefined) expect(policyKinds, id).to.include(kind);
    }
  });

  it('knows no mesh', () => {
    const text = JSON.stringify(rows).toLowerCase();
    for (const name of Object.keys(meshes)) expect(text).not.to.contain(name);
  });
});

for (const entry of Object.values(meshes) as MeshEntry[]) {
  describe(`what ${entry.title} says of its capabilities`, () => {
    const says = entry.capabilities.says as Record<string, Statement>;

    it('is something of every row, in a clause, with a source', () => {
      expect(Object.keys(says)).to.have.members(ids);
      for (const [id, { how, source }] of Object.entries(says)) {
        expect(how, id).to.match(/\w{2}.*[^.]$/);
        expect(source, id).to.match(/^https:\/\/\S+$/);
      }
    });

    it('does not contradict the policies that it carries out', () => {
      for (const { id, policy } of rows)
        if (policy !== undefined && entry.policies[policy] !== undefined) expect(says[id]?.able, id).to.equal(true);
    });

    it('names its parts, by tools of its own, with their versions and licences', () => {
      const lock = readLock();
      expect(entry.capabilities.parts).not.to.be.empty;
      for (const [index, row] of partsOf(entry).entries()) {
        const { tool } = entry.capabilities.parts[index]!;
        expect(row.does, row.name).to.match(/\w{2}/);
        if (tool === undefined) continue;
        expect(entry.tools).to.include(tool);
        expect(row).to.include({ version: lock.tools[tool].version, licence: lock.tools[tool].licence });
      }
    });
  });
}
