import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { loadApp } from '../../../../src/apps/load-app.ts';

const run = promisify(execFile);

const app = await loadApp('tripinsights');
const objects = (await app.manifests?.({ namespace: 'x' })) ?? [];
const commands = objects
  .filter(({ kind }) => kind === 'Deployment')
  .flatMap(({ metadata, spec }) =>
    ['startupProbe', 'readinessProbe'].map((probe) => ({
      name: `${metadata.name} ${probe}`,
      command: spec.template.spec.containers[0][probe].exec.command as string[],
    })),
  );

describe('the probes of TripInsights’ manifests', () => {
  it('are well-formed shell', async () => {
    expect(commands).to.have.length(12);
    for (const { name, command } of commands) {
      expect(command.slice(0, 2), name).to.deep.equal(['/bin/sh', '-c']);
      await run('/bin/sh', ['-n', '-c', command[2]!]);
    }
  });

  it('ask the data call of the app file', () => {
    for (const { name, call } of app.services) {
      if (call === undefined) continue;
      for (const each of commands.filter((one) => one.name.startsWith(`${name} `))) {
        expect(each.command[2]).to.include(call.path).and.include(`grep -q '${call.expectBody}'`);
        expect(each.command[2]).to.include(call.body ?? '');
      }
    }
  });

  it('fail when nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { command } = commands.find(({ name }) => name === 'trips readinessProbe')!;
    const error = await run('/bin/sh', ['-c', command[2]!.replace('8080', String(port))]).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('code').that.is.greaterThan(0);
  });
});
