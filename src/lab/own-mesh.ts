import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import { foreignArchive } from '../images/foreign-archive.ts';
import type { ReadyImage } from '../images/image.ts';
import { imageError } from '../images/layer.ts';
import type { MeshSetup } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import type { GivenPrograms } from '../tools/given-programs.ts';
import { unfitPrograms } from '../tools/program-file.ts';
import type { Toolbox, ToolName } from '../tools/tool.ts';
import { checkRelease } from './mesh-release.ts';

/** What a user says of the mesh: of programs that he built, to be tried before they are released, and of how it is installed. */
export interface OwnMesh extends MeshSetup {
  /** Folder with programs: each is used instead of the one that meshproof would get. */
  binaries?: string | undefined;
  /** Folder with an OCI or Docker archive for each image that is to be used instead of meshproof's own, as `<image>.tar`. */
  images?: string | undefined;
}

/** The programs, as the toolbox is told of them. */
export function givenPrograms({ binaries }: OwnMesh, { tools }: Pick<MeshEntry, 'tools'>): GivenPrograms | undefined {
  return binaries === undefined ? undefined : { folder: binaries, tools };
}

/** What a lab with it is made of, by what was chosen of it; of a mesh that is there already, what is still needed. */
export function toolsOf(
  { tools, setup, release: official, dialects = {} }: Pick<MeshEntry, 'tools' | 'setup' | 'release' | 'dialects'>,
  { installed, release, dialect = '' }: MeshSetup,
): readonly ToolName[] {
  if (installed === true && setup?.adopts !== undefined) return setup.adopts;
  const own = release === undefined ? undefined : official?.tools;
  return [...(own ?? tools), ...(dialects[dialect]?.tools ?? [])];
}

/** What was chosen of how the mesh comes to be and is told, without the folders. */
export function setupOf({ installed, revision, profile, dialect, release }: OwnMesh): MeshSetup {
  return { installed, revision, profile, dialect, release };
}

/** Of an entry what says how it can be had. */
type CheckedMesh = Pick<MeshEntry, 'title' | 'setup' | 'dialects' | 'release'>;

/** What to do where there is no lab with a mesh that could be adopted. */
export const nameTheLab =
  'Make a cluster with `./bin/meshproof up --lab NAME --cluster-only`, install the mesh there, and give the same --lab with --mesh-installed.';

/**
 * Before anything starts.
 *
 * @throws MeshproofError MESHPROOF_USAGE for a folder that is none, or has programs that this machine cannot run; for a mesh that
 * cannot be adopted or chosen of as is asked
 * @param options.lab the one that is named, if one is
 */
export async function checkOwnMesh(
  own: OwnMesh,
  { mesh, lab }: { mesh: CheckedMesh; lab: string | undefined },
): Promise<void> {
  checkMeshSetup(own, mesh);
  if (own.installed && lab === undefined)
    throw new MeshproofError(
      'MESHPROOF_USAGE',
      'A mesh is adopted in the lab that has it, and none is named',
      nameTheLab,
    );
  const { binaries, images } = own;
  for (const folder of [binaries, images]) {
    if (folder === undefined) continue;
    const isFolder = await stat(folder).then(
      (info) => info.isDirectory(),
      () => false,
    );
    if (isFolder) continue;
    throw new MeshproofError(
      'MESHPROOF_USAGE',
      `${folder} is no folder`,
      'Give the folder with the programs (--mesh-binaries) or the image archives (--mesh-images) of the mesh.',
    );
  }
  const unfit = binaries === undefined ? [] : await unfitPrograms(binaries);
  if (unfit.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_USAGE',
    `This is Linux on ${process.arch}, and of ${binaries}: ${unfit.join('; ')}`,
    'Build them for this machine (Go: GOOS=linux GOARCH=amd64, Rust: --target x86_64-unknown-linux-gnu), or take them out of the folder.',
  );
}

function checkMeshSetup(own: OwnMesh, mesh: CheckedMesh): void {
  const { installed, profile, revision, dialect, images } = own;
  const { title, setup, dialects = {} } = mesh;
  checkRelease(own, mesh);
  const refused = (what: string, hint: string): MeshproofError => new MeshproofError('MESHPROOF_USAGE', what, hint);
  if (dialect !== undefined && dialects[dialect] === undefined) {
    const names = Object.keys(dialects);
    throw refused(
      `${title} has no dialect ${dialect}`,
      names.length === 0 ? 'Leave --mesh-dialect out.' : `Choose ${names.join(' or ')}, or leave --mesh-dialect out.`,
    );
  }
  if (installed && setup?.adopts === undefined)
    throw refused(
      `${title} that is installed already cannot be adopted`,
      'Leave --mesh-installed out: meshproof installs its own.',
    );
  if (installed && images !== undefined)
    throw refused(
      `${title} that is installed already keeps its images`,
      'Leave --mesh-images out, or --mesh-installed.',
    );
  if (setup !== undefined) return setup.check({ installed, profile, revision });
  if (profile !== undefined || revision !== undefined)
    throw refused(`${title} has no profiles and no revisions`, 'Leave --mesh-profile and --mesh-revision out.');
}

/** The image of that name where the user has an archive of it. @throws MeshproofError MESHPROOF_IMAGE for one that holds several */
export async function ownImage(
  name: string,
  { images }: OwnMesh,
  options: { toolbox: Toolbox; signal?: AbortSignal | undefined },
): Promise<ReadyImage | undefined> {
  if (images === undefined) return undefined;
  const file = join(images, `${name}.tar`);
  const there = await stat(file).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  const [image, ...others] = await foreignArchive(file, options);
  if (image === undefined || others.length > 0)
    throw imageError(`${file} must hold one image`, new Error(`it holds ${others.length + (image ? 1 : 0)}`));
  return { ...image, name };
}
