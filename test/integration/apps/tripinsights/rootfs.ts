import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '../../../../src/base/poll.ts';
import { runCommand, startCommand, type RunningCommand } from '../../../../src/base/process.ts';
import { silentProgress } from '../../../../src/base/progress.ts';
import { appImages } from '../../../../src/apps/app-images.ts';
import type { ImageSpec } from '../../../../src/images/image.ts';
import { buildLayer } from '../../../../src/images/layer.ts';
import { tripInsights, type TripInsightsService } from './app.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';

export const password = 'integration-Test_1';

/**
 * The files of the images, unpacked, with their programs run by chroot as the images' users: what a container would
 * see, without a container. Node's root has every service's bundle below /<service>.
 */
export interface Rootfs extends AsyncDisposable {
  postgres(): Promise<RunningDatabase>;
  service(name: TripInsightsService, env: Record<string, string>): Promise<RunningService>;
  /** Runs a command in the root of the services. */
  run(argv: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
}

export interface RunningDatabase {
  port: number;
  env: Record<string, string>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface RunningService {
  url: string;
  port: number;
  log(): Promise<string>;
  command: RunningCommand;
}

export async function unpackImages(): Promise<Rootfs> {
  const dir = await mkdtemp(join(tmpdir(), 'meshproof-rootfs-'));
  const toolbox = createToolbox({ progress: silentProgress(), signal: new AbortController().signal });
  const images = (await appImages(tripInsights, { toolbox })) as ImageSpec[];
  const roots = { postgres: join(dir, 'postgres'), node: join(dir, 'node') };
  for (const image of images) {
    const isPostgres = image.name === 'tripinsights-postgres';
    for (const layer of image.layers) {
      const isApp = layer.name.startsWith('tripinsights-') && !isPostgres;
      const target = isPostgres
        ? roots.postgres
        : isApp
          ? join(roots.node, layer.name.slice('tripinsights-'.length))
          : roots.node;
      await mkdir(target, { recursive: true });
      const { path } = await buildLayer(layer, join(toolbox.cacheDir, 'images', 'layers'));
      await runCommand(['tar', '-xf', path, '-C', target]);
    }
  }
  for (const root of Object.values(roots)) {
    await mkdir(join(root, 'dev'));
    await runCommand(['mknod', '-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
  }
  await mkdir(join(roots.postgres, 'data'));
  await runCommand(['chown', '999:999', join(roots.postgres, 'data')]);
  const running: RunningCommand[] = [];
  const inRoot = (root: string, uid: number, argv: string[]): string[] => [
    'chroot',
    `--userspec=${uid}:${uid}`,
    root,
    ...argv,
  ];
  let logs = 0;

  return {
    async postgres() {
      const port = await freePort();
      const env = { SQL_USER: 'tripinsights', SQL_PASSWORD: password, SQL_DBNAME: 'mydrivingDB' };
      const outputFile = join(dir, 'postgres.log');
      let command: RunningCommand | undefined;
      const start = async (): Promise<void> => {
        const argv = inRoot(roots.postgres, 999, ['/usr/local/bin/postgres-entrypoint']);
        command = startCommand(argv, {
          env: { ...env, PGDATA: '/data/pg', SOCKET_DIR: '/data', PGPORT: String(port) },
          outputFile,
        });
        running.push(command);
        const ended = command.ended;
        await pollUntil(
          async () => {
            const psql = [
              'psql',
              '-h',
              '/data',
              '-p',
              String(port),
              '-U',
              'postgres',
              '-d',
              'mydrivingDB',
              '-tAc',
              'SELECT 1',
            ];
            const { exitCode } = await runCommand(inRoot(roots.postgres, 999, psql), { okExitCodes: [0, 1, 2] });
            if (exitCode === 0) return { ready: true };
            const over = await Promise.race([ended.then(() => true), Promise.resolve(false)]);
            if (over) throw new Error(await readFile(outputFile, 'utf8'));
            return { pending: `psql exit code ${exitCode}` };
          },
          { what: 'postgres', timeoutMs: 60_000 },
        );
      };
      await start();
      const stop = async (): Promise<void> => {
        await command?.stop({ signal: 'SIGINT', graceMs: 20_000 });
      };
      return { port, env: { ...env, SQL_SERVER: '127.0.0.1', SQL_PORT: String(port) }, start, stop };
    },

    async service(name, env) {
      const outputFile = join(dir, `${name}-${logs++}.log`);
      const flags = ['--max-old-space-size=64', '--max-semi-space-size=2'];
      const argv = inRoot(roots.node, 1000, ['/usr/bin/node', ...flags, `/${name}/app/server.mjs`]);
      const command = startCommand(argv, { env: { NODE_ENV: 'production', PORT: '0', ...env }, outputFile });
      running.push(command);
      const log = (): Promise<string> => readFile(outputFile, 'utf8');
      const port: number = await pollUntil<number>(
        async () => {
          const match = /listens on port (\d+)/.exec(await log());
          return match ? { ready: Number(match[1]) } : { pending: (await log()) || 'no output' };
        },
        { what: name, timeoutMs: 30_000 },
      );
      return { url: `http://127.0.0.1:${port}`, port, log, command };
    },

    run: (argv) =>
      runCommand(inRoot(roots.node, 1000, argv), { okExitCodes: Array.from({ length: 256 }, (_, i) => i) }),

    async [Symbol.asyncDispose]() {
      await Promise.all(running.map((command) => command.stop({ signal: 'SIGINT', graceMs: 10_000 })));
      await rm(dir, { recursive: true, force: true });
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
