import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { dataCallCommand } from '../../../../src/apps/tripinsights/probe-command.ts';
import { services } from '../../../../src/apps/tripinsights/topology.ts';

const run = promisify(execFile);

describe('dataCallCommand', () => {
  for (const service of services) {
    it(`is well-formed shell for ${service}`, async () => {
      const [shell, flag, script] = dataCallCommand(service);
      expect([shell, flag]).to.deep.equal(['/bin/sh', '-c']);
      await run('/bin/sh', ['-n', '-c', script!]);
    });
  }

  it('fails when nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const [shell, ...args] = dataCallCommand('trips', port);
    const error = await run(shell!, args).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code').that.is.greaterThan(0);
  });
});
