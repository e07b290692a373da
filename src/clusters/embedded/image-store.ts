import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError, messageOf } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { startCommand } from '../../base/process.ts';
import type { ImageArchive } from '../../images/image.ts';
import { withFileLock } from '../../tools/file-lock.ts';
import { hasAll, importArchive, loadedImages, type ContainerdAccess } from './image-import.ts';
import { labVariable } from './node-process.ts';
import { program, type NodeTools } from './node-tools.ts';
import { labelledProcesses } from '../../base/process-identity.ts';
import { imageStoreConfig } from './node-config.ts';

/**
 * Images unpacked once for all labs of a cache: a containerd root that no node writes to. A new lab copies its two
 * databases (some 100 kB), hard-links the blobs and points a symbolic link at each committed snapshot: overlayfs only
 * reads lower directories, so labs share the unpacked files, and what a lab adds or removes stays its own.
 */
export interface ImageStore {
  /** Unpacks what the store lacks of the archives wanted by earlier labs and of `needed`. */
  fill(needed: ImageArchive, signal: AbortSignal, detail: (text: string) => void): Promise<void>;
  /** Makes the containerd root of a new lab. */
  seed(containerdRoot: string, labId: string, signal: AbortSignal): Promise<void>;
  /** Remembers an archive that a lab had to import for itself: the next lab finds it in the store. */
  want(archive: ImageArchive): Promise<void>;
}

const metadata = 'io.containerd.metadata.v1.bolt';
const snapshotter = 'io.containerd.snapshotter.v1.overlayfs';
const blobs = 'io.containerd.content.v1.content/blobs/sha256';
/** Beyond this many images the store starts anew, as soon as no lab uses it. */
const imageLimit = 80;
const wantedLimit = 3;

export function imageStore(cacheDir: string, tools: NodeTools): ImageStore {
  // Another containerd may write another database format.
  const dir = join(cacheDir, 'image-store', tools.containerd.version.replaceAll(/[^\w.+-]/g, '_'));
  const root = join(dir, 'root');
  const lock = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
    withFileLock(join(dir, 'lock'), { what: 'the image store', signal, timeoutMs: 15 * 60_000 }, work);

  return {
    async fill(needed, signal, detail) {
      await lock(signal, async () => {
        const wanted = await existing(await readJson<ImageArchive[]>(join(dir, 'wanted.json'), []));
        const present = new Map(Object.entries(await readJson<Record<string, string>>(join(dir, 'images.json'), {})));
        const missing = [needed, ...wanted].filter((archive) => !hasAll(present, archive));
        if (missing.length === 0) return;
        if (present.size > imageLimit && !(await isInUse(dir))) await rm(root, { recursive: true, force: true });
        detail(
          `unpacking ${missing.reduce((sum, { images }) => sum + images.length, 0)} images for this and later labs`,
        );
        const images = await unpack(tools, dir, missing, signal);
        await writeJson(join(dir, 'images.json'), Object.fromEntries(images));
      });
    },

    async seed(containerdRoot, labId, signal) {
      await mkdir(join(dir, 'users'), { recursive: true });
      await writeFile(join(dir, 'users', labId), '');
      await lock(signal, async () => {
        for (const part of [metadata, join(snapshotter, 'snapshots'), blobs]) {
          await mkdir(join(containerdRoot, part), { recursive: true });
        }
        for (const database of [join(metadata, 'meta.db'), join(snapshotter, 'metadata.db')]) {
          await copyFile(join(root, database), join(containerdRoot, database));
        }
        const snapshots = join(snapshotter, 'snapshots');
        for (const id of await readdir(join(root, snapshots))) {
          await symlink(join(root, snapshots, id), join(containerdRoot, snapshots, id));
        }
        for (const blob of await readdir(join(root, blobs))) {
          const [from, to] = [join(root, blobs, blob), join(containerdRoot, blobs, blob)];
          // The cache may be on another file system than the labs.
          await link(from, to).catch(() => symlink(from, to));
        }
      });
    },

    async want(archive) {
      const path = join(dir, 'wanted.json');
      const others = (await readJson<ImageArchive[]>(path, [])).filter((each) => each.path !== archive.path);
      await writeJson(path, [archive, ...others].slice(0, wantedLimit));
    },
  };
}

/** Runs a containerd of its own, in a mount namespace of its own, for as long as the imports take. */
async function unpack(
  tools: NodeTools,
  dir: string,
  archives: ImageArchive[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const scratch = join(dir, 'scratch');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  const config = join(scratch, 'config.toml');
  // A socket's path has 107 characters at most and a cache directory may be longer, hence the detour over /proc.
  const socket = '/proc/self/cwd/c.sock';
  await writeFile(config, imageStoreConfig({ root: join(dir, 'root'), state: join(scratch, 'state'), socket }));
  // It holds the store's databases: it must not outlive this process, not even after a SIGKILL.
  const argv = ['setpriv', '--pdeathsig', 'SIGKILL', 'unshare', '--mount'];
  const daemon = startCommand([...argv, program(tools.containerd, 'containerd'), '--config', config], {
    env: tools.containerd.env,
    cwd: scratch,
    outputFile: join(scratch, 'log'),
  });
  let ended = false;
  void daemon.ended.then(() => (ended = true));
  const access: ContainerdAccess = {
    ctr: program(tools.containerd, 'ctr'),
    address: `/proc/${daemon.pid}/cwd/c.sock`,
    env: tools.containerd.env,
    signal,
  };
  try {
    await pollUntil(
      async () => {
        if (ended) throw await storeError(scratch, 'ended at once');
        return loadedImages(access).then(
          () => ({ ready: true }),
          () => ({ pending: 'containerd starts' }),
        );
      },
      { what: 'The image store', timeoutMs: 30_000, intervalMs: 50, signal, code: 'MESHPROOF_IMAGE' },
    );
    for (const archive of archives) await importArchive(access, archive);
    return await loadedImages(access);
  } finally {
    await daemon.stop({ signal: 'SIGTERM', graceMs: 5000 });
    await rm(scratch, { recursive: true, force: true });
  }
}

async function storeError(scratch: string, what: string): Promise<MeshproofError> {
  const log = await readFile(join(scratch, 'log'), 'utf8').catch(messageOf);
  return new MeshproofError(
    'MESHPROOF_IMAGE',
    `containerd of the image store ${what}:\n${log.trim().split('\n').slice(-4).join('\n')}`,
    'Delete image-store in the cache and try again.',
  );
}

/** True while a lab that was seeded from the store has processes; marks of dead labs are removed. */
async function isInUse(dir: string): Promise<boolean> {
  const alive = new Set(labelledProcesses(labVariable).map(({ value }) => value));
  const users = await readdir(join(dir, 'users')).catch(() => [] as string[]);
  for (const user of users) if (!alive.has(user)) await rm(join(dir, 'users', user), { force: true });
  return users.some((user) => alive.has(user));
}

async function existing(archives: ImageArchive[]): Promise<ImageArchive[]> {
  const there = await Promise.all(
    archives.map(({ path, bytes }) =>
      stat(path).then(
        ({ size }) => size === bytes,
        () => false,
      ),
    ),
  );
  return archives.filter((_, index) => there[index]);
}

async function readJson<T>(path: string, otherwise: T): Promise<T> {
  return readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as T,
    () => otherwise,
  );
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(`${path}.${process.pid}`, JSON.stringify(value));
  await rename(`${path}.${process.pid}`, path);
}
