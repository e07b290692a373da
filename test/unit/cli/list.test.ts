import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { appsDir } from '../../../src/apps/load-app.ts';
import { claims } from '../../../src/claims/index.ts';
import { listCommand } from '../../../src/cli/commands/list.ts';
import { clusters } from '../../../src/clusters/index.ts';
import { faults } from '../../../src/faults/index.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { policies } from '../../../src/policies/index.ts';
import { scenariosDir } from '../../../src/scenario/load.ts';
import { printed } from './printed.ts';

const list = (...args: string[]): Promise<string> => printed(listCommand(), args);

describe('meshproof list', () => {
  const kinds: Record<string, readonly string[]> = {
    meshes: Object.keys(meshes),
    clusters: clusters.map(({ name }) => name),
    faults: faults.map(({ kind }) => kind),
    policies: policies.map(({ kind }) => kind),
    claims: claims.map(({ kind }) => kind),
    apps: readdirSync(appsDir),
    scenarios: readdirSync(scenariosDir).flatMap((name) => /^(.*)\.yaml$/.exec(name)?.[1] ?? []),
  };
  for (const [kind, ids] of Object.entries(kinds)) {
    it(`${kind}: every one, with what it is`, async () => {
      expect(ids).not.to.be.empty;
      const rows = JSON.parse(await list(kind, '--json')) as { id: string; title: string }[];
      expect(rows.map(({ id }) => id)).to.have.members(ids);
      const text = await list(kind);
      for (const { id, title } of rows) {
        expect(title, id).to.match(/\w{2}/);
        expect(text).to.match(new RegExp(`^${id} +${title.replaceAll(/[.*+?^${'$'}{}()|[\]\\]/g, '\\$&')}$`, 'm'));
      }
    });
  }

  it('says which mesh can carry out a policy', async () => {
    const rows = JSON.parse(await list('policies', '--json')) as { id: string; meshes: string[] }[];
    for (const { id, meshes: able } of rows) {
      expect(able, id).to.deep.equal(Object.values(meshes).flatMap((mesh) => (id in mesh.policies ? [mesh.name] : [])));
    }
  });

  it('refuses a kind that there is not', async () => {
    const { write } = process.stderr;
    process.stderr.write = () => true;
    try {
      const error = await list('mesh').then(
        () => expect.fail('it was taken'),
        (thrown: unknown) => thrown,
      );
      expect(error).to.have.property('message').that.contains('Allowed choices are meshes, clusters');
    } finally {
      process.stderr.write = write;
    }
  });
});
