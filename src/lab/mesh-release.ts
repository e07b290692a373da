import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import type { MeshSetup } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { readLock, type ToolsLock } from '../tools/lock.ts';
import { officialVersion, probeOfficial, withOfficial } from '../tools/official.ts';
import { compareVersions, parseVersion } from '../tools/version.ts';

/** What `--mesh-release` says for programs that are made here. */
export const builtHere = 'built';

/** What a user says of where the mesh comes from: a version or `built` as its release, and folders of his own. */
interface Asked extends Pick<MeshSetup, 'installed' | 'release'> {
  binaries?: string | undefined;
  images?: string | undefined;
}

/** Before anything starts. @throws MeshproofError MESHPROOF_USAGE for a release that the mesh cannot have */
export function checkRelease(
  { release: asked }: Pick<Asked, 'release'>,
  { title, release }: Pick<MeshEntry, 'title' | 'release'>,
): void {
  if (asked === undefined) return;
  const refused = (what: string, hint: string): MeshproofError => new MeshproofError('MESHPROOF_USAGE', what, hint);
  if (release === undefined)
    throw refused(`${title} has no choice of releases`, 'Leave --mesh-release out: there is one way only to get it.');
  if (asked === builtHere) return;
  if (!/^\d+\.\d+\.\d+$/.test(asked))
    throw refused(`${asked} is no version of a release`, `Three numbers, such as ${release.since}, or ${builtHere}.`);
  if (compareVersions(parseVersion(asked) ?? [], parseVersion(release.since) ?? []) < 0)
    throw refused(
      `${title} ${asked} is older than what works here`,
      `Take ${release.since} or later, or ${builtHere}.`,
    );
}

/**
 * Where the mesh comes from, decided once and said: as the user asks; else its official release where all of it can be had now, and
 * where it cannot what is made here. A user who gives programs or images of his own means those.
 *
 * @param options.lock for tests: another lock file
 * @returns the same with the version of the release; without one it is what is made here
 */
export async function chooseRelease<Own extends Asked>(
  own: Own,
  { title, release }: Pick<MeshEntry, 'title' | 'release'>,
  options: { progress: Pick<Progress, 'info'>; signal: AbortSignal; lock?: ToolsLock },
): Promise<Own> {
  if (release === undefined) return own;
  if (own.release !== undefined) return { ...own, release: own.release === builtHere ? undefined : own.release };
  if (own.binaries !== undefined || own.images !== undefined) return own;
  const { progress, signal, lock = readLock() } = options;
  const { tool, registry } = release;
  const { reachable, reason } = await probeOfficial(lock, tool, { registry, signal });
  const version = officialVersion(lock, tool);
  const what = own.installed === true ? tool : title;
  progress.info(reachable ? `${what} ${version}, the official release: ${reason}` : `${what} is built here: ${reason}`);
  return { ...own, release: reachable ? version : undefined };
}

/** Where its programs come from. */
export function toolsLock({ release }: Asked, entry: Pick<MeshEntry, 'release'>): ToolsLock {
  const lock = readLock();
  return release === undefined || entry.release === undefined
    ? lock
    : withOfficial(lock, [entry.release.tool], release);
}
