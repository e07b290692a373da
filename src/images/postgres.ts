import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Tool } from '../tools/tool.ts';
import { programLayer } from './base-layer.ts';
import type { LayerFile, LayerSpec } from './image.ts';
import { filesUnder, firstDirectory, incomplete, type LayerContext } from './tool-layers.ts';

const entrypoint = new URL('./postgres-entrypoint.sh', import.meta.url);

/** Server modules that initdb and plain schemas need; the rest is contrib, JIT and languages. */
const serverModules = /^(plpgsql|dict_snowball|libpqwalreceiver)\.so$/;

/**
 * PostgreSQL for data that is thrown away: the server's files stay relative to its program as they were, since that is how
 * it finds them. Environment: SQL_USER, SQL_PASSWORD, SQL_DBNAME, PGDATA (an empty volume), SOCKET_DIR, SEED_DIR (`/opt/seed`:
 * its `setup.sql` is run once).
 */
export async function postgresLayers(tool: Tool, context: LayerContext): Promise<LayerSpec[]> {
  if (!tool.elf.postgres) throw incomplete(tool, 'postgres');
  const binDir = dirname(await realpath(tool.elf.postgres));
  const prefix = dirname(binDir);
  const version = basename(prefix); // Debian: /usr/lib/postgresql/<series>/bin, share in /usr/share/postgresql/<series>
  const debianShare = join(prefix, '../../../share/postgresql', version);
  // Fedora: /usr/share/pgsql and /usr/lib64/pgsql; a bare share comes last, in /usr it is everybody's.
  const shares = ['share/postgresql', 'share/pgsql', 'share'].map((path) => join(prefix, path));
  const shareDir = await firstDirectory([debianShare, ...shares]);
  const modulesDirs = ['lib/postgresql', 'lib64/pgsql', 'lib'].map((path) => join(prefix, path));
  const modulesDir = await firstDirectory(modulesDirs);
  if (!shareDir || !modulesDir) throw incomplete(tool, 'share and lib directories');
  const place = shareDir === debianShare ? `/usr/lib/postgresql/${version}` : '/usr/lib/postgresql/x';
  const placeOf = (hostPath: string): string =>
    hostPath === debianShare ? `/usr/share/postgresql/${version}` : place + hostPath.slice(prefix.length);
  const modules = await filesUnder(modulesDir, placeOf(modulesDir), (path) => serverModules.test(path));
  const share = await filesUnder(
    shareDir,
    placeOf(shareDir),
    (path) =>
      !/^(man|contrib|doc|locale)\//.test(path) && (!path.startsWith('extension/') || /^extension\/plpgsql/.test(path)),
  );
  const programs = await programLayer({
    ...context,
    name: 'postgres',
    programs: Object.fromEntries(
      ['postgres', 'initdb', 'psql'].map((name) => [`${place}/bin/${name}`, join(binDir, name)]),
    ),
    files: [
      ...modules,
      ...share,
      ...['postgres', 'initdb', 'psql'].map((name): LayerFile => ({
        path: `/usr/bin/${name}`,
        source: { linkTo: `${place}/bin/${name}` },
      })),
    ],
    modules: modules.flatMap((file) => ('hostPath' in file.source ? [file.source.hostPath] : [])),
    libraryPath: tool.libraryPath,
  });
  const start: LayerSpec = {
    name: 'postgres-entrypoint',
    files: [
      {
        path: '/usr/local/bin/postgres-entrypoint',
        source: { content: await readFile(entrypoint, 'utf8') },
        mode: 0o755,
      },
    ],
  };
  return [programs, start];
}
