import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { MeshproofError } from '../../../src/base/errors.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { readLock } from '../../../src/tools/lock.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

describe('programs of a build of one’s own', () => {
  let folder: string;
  const program = async (name: string, says: string): Promise<void> => {
    await writeFile(join(folder, name), `#!/bin/sh\necho '${says}'\n`);
    await chmod(join(folder, name), 0o755);
  };
  const look = async (tools: ('consul' | 'pilot-agent')[]) => {
    const { signal } = new AbortController();
    const toolbox = createToolbox({ progress: silentProgress(), signal, cacheDir: folder, given: { folder, tools } });
    return toolbox.look(tools[0] ?? 'consul');
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshproof-given-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('come before all others, of whatever version', async () => {
    await program('consul', 'Consul v99.0.1-of-mine');
    const { tool } = await look(['consul']);
    expect(tool?.bin).to.deep.equal({ consul: join(folder, 'consul') });
    expect(tool?.version).to.equal('99.0.1');
  });

  it('are used with the files that go with them', async () => {
    await program('pilot-agent', 'nothing that fits');
    await writeFile(join(folder, 'envoy_bootstrap.json'), '{}');
    const { tool } = await look(['pilot-agent']);
    expect(tool?.bin['envoy_bootstrap.json']).to.equal(join(folder, 'envoy_bootstrap.json'));
    expect(tool?.elf).to.deep.equal({ 'pilot-agent': join(folder, 'pilot-agent') });
    expect(tool?.version).to.equal('of its own');
  });

  it('are passed over where the folder has none, or for a tool that is not the mesh’s', async () => {
    expect((await look(['consul'])).tool?.root).not.to.equal(folder);
    await program('consul', 'Consul v99.0.1');
    expect((await look(['pilot-agent'])).tool?.root).not.to.equal(folder);
  });

  it('are what is asked for where nobody else has the tool', async () => {
    const lock = { ...readLock(), probe: { url: 'http://127.0.0.1:9/', expect: '.', timeoutMs: 200 } };
    const { signal } = new AbortController();
    const toolbox = createToolbox({ progress: silentProgress(), signal, cacheDir: folder, env: {}, lock });
    const error = await toolbox.get('linkerd').then(
      () => expect.fail('somebody has it'),
      (thrown: MeshproofError) => thrown,
    );
    expect(error.code).to.equal('MESHPROOF_TOOL_MISSING');
    expect(error.exitCode).to.equal(3);
    expect(error.message).to.match(/package: .*--mesh-binaries/);
  });
});
