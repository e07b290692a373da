import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MeshproofError } from '../base/errors.ts';
import { writeWhole } from '../base/whole-file.ts';
import { KnownSecrets } from '../evidence/known-secrets.ts';
import { isSecretName, secretValues } from '../evidence/lab-secrets.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeObject } from '../kube/types.ts';
import type { MeshSetup } from '../meshes/adapter.ts';
import { builtHere } from './mesh-release.ts';
import type { OwnMesh } from './own-mesh.ts';

/** With the versions of the programs it is made of: a newer proxy is another mesh. */
const meshSchema = z.strictObject({
  name: z.string(),
  tools: z.record(z.string(), z.string()),
  /** What was chosen of its installation; left out where nothing was. */
  setup: z
    .strictObject({
      installed: z.boolean().optional(),
      revision: z.string().optional(),
      profile: z.string().optional(),
      dialect: z.string().optional(),
      release: z.string().optional(),
    })
    .optional(),
  /** Folders of what a user built of it. */
  own: z.strictObject({ binaries: z.string().optional(), images: z.string().optional() }).optional(),
});

const fingerprintSchema = z.strictObject({
  schema: z.literal(1),
  /** Name -> digest of meshproof's own images. */
  images: z.record(z.string(), z.string()),
  /** Left out of a cluster that got none yet. */
  mesh: meshSchema.optional(),
  /** Id -> digest of the manifests of applications. */
  apps: z.record(z.string(), z.string()),
});

/** What was deployed into a lab, so that a later command can tell whether it would deploy the same. No secret is in it. */
export type Fingerprint = z.output<typeof fingerprintSchema>;
type MeshMade = z.output<typeof meshSchema>;

export interface Deployed {
  images: ImageMap;
  mesh: {
    name: string;
    tools: readonly { name: string; version: string }[];
    setup?: MeshSetup | undefined;
    own?: Pick<OwnMesh, 'binaries' | 'images'> | undefined;
  };
  /** Objects as they are applied, before the mesh adds to them. */
  apps: readonly { id: string; objects: readonly KubeObject[] }[];
}

const fileName = 'deployed.json';

/** Of a cluster that is all that a lab has. */
export const bareCluster: Fingerprint = { schema: 1, images: {}, apps: {} };

export function fingerprintOf({ images, mesh, apps }: Deployed): Fingerprint {
  return {
    schema: 1,
    images: Object.fromEntries(Object.values(images).map(({ name, digest }) => [name, digest])),
    mesh: {
      name: mesh.name,
      tools: Object.fromEntries(mesh.tools.map(({ name, version }) => [name, version])),
      ...chosen('setup', mesh.setup),
      ...chosen('own', mesh.own),
    },
    apps: Object.fromEntries(apps.map(({ id, objects }) => [id, digestOf(objects, images)])),
  };
}

/** Left out where nothing was: a lab of an earlier version, where nothing could be, is the same as one where nothing was. */
function chosen<Name extends 'setup' | 'own'>(name: Name, choices: object = {}): Pick<MeshMade, Name> | undefined {
  const made = Object.entries(choices).filter(([, value]) => value !== undefined && value !== false);
  return made.length === 0 ? undefined : ({ [name]: Object.fromEntries(made) } as Pick<MeshMade, Name>);
}

/**
 * Remembers what a lab got, in its state folder; written once everything is deployed. What it got earlier stays: a lab may
 * be given one application after the other.
 */
export async function saveFingerprint(stateDir: string, { images, apps, ...now }: Fingerprint): Promise<void> {
  const was = await readFingerprint(stateDir);
  const all = { ...now, images: { ...was?.images, ...images }, apps: { ...was?.apps, ...apps } };
  await writeWhole(join(stateDir, fileName), `${JSON.stringify(all, null, 2)}\n`);
}

/**
 * Compares what a lab got with what would be deployed now. What it lacks can still be given to it, and what it has beside does
 * not matter.
 *
 * @throws MeshproofError MESHPROOF_LAB_STALE saying exactly what differs; also when nobody wrote down what it got
 */
export async function checkFingerprint(name: string, stateDir: string, now: Fingerprint): Promise<void> {
  const found = differences(await readFingerprint(stateDir), now);
  if (found.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_LAB_STALE',
    `The lab ${name} is not what this meshproof would deploy: ${found.join('; ')}`,
    `Make it anew with \`./bin/meshproof up --lab ${name} --recreate\`, or remove it with \`./bin/meshproof down ${name}\`.`,
  );
}

/** In words, one each; empty when both are the same. */
export function differences(was: Fingerprint | undefined, now: Fingerprint): string[] {
  if (was === undefined) return ['it was left half made, or its version wrote down nothing that this one can read'];
  return [
    ...meshChanges(was.mesh, now.mesh),
    ...changed('image', was.images, now.images),
    ...changed('app', was.apps, now.apps),
  ];
}

function meshChanges(was: MeshMade | undefined, now: MeshMade | undefined): string[] {
  // It can still be given to the cluster.
  if (was === undefined || now === undefined) return [];
  if (was.name !== now.name) return [`mesh ${was.name} is there, ${now.name} is asked for`];
  return [...setupChanges(was, now), ...changed(`${now.name}:`, was.tools, now.tools)];
}

/** By the options that chose it: to repeat them is all that is needed. */
function setupChanges({ setup: was = {} }: MeshMade, { name, setup: now = {} }: MeshMade): string[] {
  return (['installed', 'revision', 'profile', 'dialect', 'release'] as const)
    .filter((key) => was[key] !== now[key])
    .map((key) => `${name} was made ${option(key, was[key])}, is asked for ${option(key, now[key])}`);
}

function option(key: string, value: string | boolean | undefined): string {
  if (value === undefined) return key === 'release' ? `with --mesh-release ${builtHere}` : `without --mesh-${key}`;
  return `with --mesh-${key}${value === true ? '' : ` ${value}`}`;
}

function changed(what: string, was: Record<string, string>, now: Record<string, string>): string[] {
  return Object.keys(now)
    .filter((key) => was[key] !== undefined && was[key] !== now[key])
    .sort()
    .map((key) => `${what} ${key} is ${short(was[key] ?? '')}, would be ${short(now[key] ?? '')}`);
}

/** What a lab got, if that was written down in a form this version can read. */
export async function readFingerprint(stateDir: string): Promise<Fingerprint | undefined> {
  try {
    return fingerprintSchema.parse(JSON.parse(await readFile(join(stateDir, fileName), 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * The same for objects that say the same: fields in any order, images by their names (their digests are told apart), and
 * without what is drawn anew for each lab: what Secrets hold under a name of a password, token or key, wherever it stands.
 */
function digestOf(objects: readonly KubeObject[], images: ImageMap): string {
  const drawn = new KnownSecrets(secretValues(objects));
  let text = drawn.removeFrom(JSON.stringify(sorted(objects.map(withoutSecrets))), '…');
  for (const { ref, name } of Object.values(images)) text = text.replaceAll(ref, name);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function withoutSecrets(object: KubeObject): KubeObject {
  if (object.kind !== 'Secret') return object;
  const blank = (held: unknown): unknown =>
    Object.fromEntries(Object.entries(held ?? {}).map(([name, value]) => [name, isSecretName(name) ? '…' : value]));
  return { ...object, data: blank(object['data']), stringData: blank(object['stringData']) };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

function short(value: string): string {
  return value.startsWith('sha256:') ? value.slice(0, 'sha256:'.length + 12) : value;
}
