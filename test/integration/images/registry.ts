import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pollUntil } from '../../../src/base/poll.ts';
import { startCommand } from '../../../src/base/process.ts';

export interface Registry {
  /** `127.0.0.1:<port>`: what references to it begin with. */
  host: string;
  kill(): Promise<void>;
}

/** A real registry, of crane, that keeps what is pushed in memory. */
export async function startRegistry(crane: string, logFolder: string): Promise<Registry> {
  const host = `127.0.0.1:${await freePort()}`;
  const registry = startCommand([crane, 'registry', 'serve', '--address', host], {
    env: {},
    outputFile: join(logFolder, 'registry.log'),
  });
  await pollUntil(
    () =>
      fetch(`http://${host}/v2/`).then(
        () => ({ ready: true }),
        () => ({ pending: 'it does not answer' }),
      ),
    { what: 'the registry', timeoutMs: 20_000, intervalMs: 50 },
  );
  return {
    host,
    kill: async () => {
      await registry.stop({ signal: 'SIGKILL', graceMs: 5000 });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
