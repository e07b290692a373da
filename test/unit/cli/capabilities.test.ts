import { expect } from 'chai';
import { capabilities as rows } from '../../../src/capabilities/index.ts';
import { capabilitiesCommand } from '../../../src/cli/commands/capabilities.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { printed } from './printed.ts';

const run = (...args: string[]): Promise<string> => printed(capabilitiesCommand(), args);

describe('meshproof capabilities', () => {
  it('prints one object per row and mesh, with a scenario or a reason', async () => {
    const cells = JSON.parse(await run('--json')) as Record<string, string>[];
    expect(cells).to.have.length(rows.length * Object.keys(meshes).length);
    for (const cell of cells) {
      expect(cell).to.include.all.keys('id', 'group', 'capability', 'mesh', 'status');
      expect(cell.scenario ?? cell.reason, cell.id).to.be.a('string');
    }
  });

  it('prints one mesh where one is asked for, and its components below', async () => {
    for (const [name, { title, capabilities }] of Object.entries(meshes)) {
      const cells = JSON.parse(await run('--mesh', name, '--json')) as { mesh: string }[];
      expect(new Set(cells.map(({ mesh }) => mesh)), title).to.deep.equal(new Set([name]));
      const text = await run('--mesh', name);
      for (const { title: row } of rows) expect(text).to.contain(row);
      for (const part of capabilities.parts) expect(text).to.contain(part.does);
      const parts = JSON.parse(await run('--mesh', name, '--components', '--json')) as { id: string }[];
      expect(parts.map(({ id }) => id)).to.deep.equal(capabilities.parts.map((part) => part.name));
    }
  });
});
