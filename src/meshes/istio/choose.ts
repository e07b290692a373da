import { MeshproofError } from '../../base/errors.ts';
import { plural } from '../../base/words.ts';
import { askedBy, type FoundIstio, type Istiod } from './found.ts';
import { dangling } from './injectors.ts';
import { defaultRevision, labels } from './names.ts';

/** The one Istio that is meant, of those in a cluster. */
export interface ChosenIstio {
  istiod: Istiod;
  revision: string;
  /** Names that stand for its revision. */
  tags: readonly string[];
  /** Label with which a namespace asks for its injector. */
  label: Readonly<Record<string, string>>;
}

/**
 * Pure: the Istio of the revision or tag that is asked for, else the default one, else the only one.
 *
 * @throws MeshproofError MESHPROOF_MESH_UNKNOWN when there is none, or it cannot be told which; MESHPROOF_MESH_CONFLICT for half
 * of one
 */
export function chooseIstio(found: FoundIstio, asked?: string): ChosenIstio {
  const { istiods, injectors } = found;
  if (istiods.length === 0) throw noIstiod(found);
  const byTag = injectors.find(({ tag }) => tag === (asked ?? defaultRevision));
  const names = istiods.map(({ revision }) => revision);
  const name = asked ?? defaultRevision;
  let revision = byTag?.revision ?? (names.includes(name) ? name : undefined);
  if (revision === undefined) {
    const orphan = injectors.find((injector) => injector.revision === asked);
    if (orphan !== undefined)
      throw half(
        `webhook ${orphan.name} asks ${askedBy(orphan)}, and revision ${asked} has no istiod (${inWords(found)})`,
      );
    if (asked !== undefined) throw unknown(`There is no Istio of revision or tag ${asked}: ${inWords(found)}`);
    if (new Set(names).size > 1) throw unknown(`There are several Istios, and none is the default: ${inWords(found)}`);
    revision = names[0]!;
  }
  const [istiod, another] = istiods.filter((each) => each.revision === revision);
  if (istiod === undefined)
    throw half(`tag ${byTag?.tag} stands for revision ${revision}, which has no istiod (${inWords(found)})`);
  if (another !== undefined)
    throw unknown(`Revision ${revision} is there twice, in ${istiod.namespace} and ${another.namespace}`);
  if (!injectors.some((injector) => injector.revision === revision))
    throw half(`${istiod.namespace}/${istiod.name} is there, and no webhook injects for its revision ${revision}`);
  const tags = injectors.flatMap((injector) =>
    injector.revision === revision && injector.tag !== undefined ? [injector.tag] : [],
  );
  const isDefault = revision === defaultRevision || tags.includes(defaultRevision);
  return {
    istiod,
    revision,
    tags: [...new Set(tags)].sort(),
    label:
      isDefault && (asked ?? defaultRevision) === defaultRevision
        ? { [labels.injection]: 'enabled' }
        : { [labels.revision]: asked ?? revision },
  };
}

/**
 * Pure: an Istio of somebody else's, whole or half, is not installed over: applying would change what is his, and leave two.
 *
 * @param revision that is to be installed
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT
 */
export function refuseForeign({ istiods, injectors, definitions }: FoundIstio, revision: string): void {
  const conflict = (what: string, hint: string): MeshproofError =>
    new MeshproofError('MESHPROOF_MESH_CONFLICT', what, hint);
  const foreign = istiods.find(({ ours }) => !ours);
  if (foreign !== undefined) {
    throw conflict(
      `An Istio is there that meshproof did not install: ${ofIstiod(foreign)}`,
      'Adopt it with --mesh-installed, or take another lab: nothing was changed.',
    );
  }
  const other = istiods.find((istiod) => istiod.revision !== revision);
  if (other !== undefined) {
    throw conflict(
      `The lab's Istio is revision ${other.revision}, and ${revision} is asked for`,
      `Ask for it with --mesh-revision ${other.revision}, or make the lab anew with --recreate.`,
    );
  }
  const left = [
    // A tag of our own revision may be the user's.
    ...dangling(
      injectors.filter(({ ours }) => !ours),
      istiods.map((istiod) => istiod.revision),
    ),
    ...(istiods.length > 0 ? [] : definitions)
      .filter(({ ours }) => !ours)
      .map(({ name, stored }) => `CRD ${name} (stored as ${stored.join(', ')})`),
  ];
  if (left.length > 0) {
    throw conflict(
      `Parts of another Istio are there, without its istiod: ${left.join('; ')}`,
      'Remove what is left of it (`istioctl uninstall --purge -y`), or take another lab: nothing was changed.',
    );
  }
}

/**
 * Pure: definitions of a version that lacks what meshproof writes.
 *
 * @param needed by the name of a definition the version that objects of it are written in
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT
 */
export function refuseOldDefinitions(
  { definitions }: Pick<FoundIstio, 'definitions'>,
  needed: Readonly<Record<string, string>>,
): void {
  const lacking = Object.entries(needed).flatMap(([name, version]) => {
    const served = definitions.find((each) => each.name === name)?.served;
    if (served?.includes(version)) return [];
    return [served === undefined ? `${name} is not there` : `${name} has ${served.join(', ')} and not ${version}`];
  });
  if (lacking.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_MESH_CONFLICT',
    `The CRDs of this Istio are of another version than meshproof writes: ${lacking.join('; ')}`,
    'meshproof needs Istio 1.22 or later, with its CRDs: they are not upgraded by Helm. `istioctl x precheck` looks at them.',
  );
}

function noIstiod({ injectors, definitions }: FoundIstio): MeshproofError {
  if (injectors.length === 0 && definitions.length === 0) {
    return unknown(
      'There is no Istio in this cluster: no Deployment is labelled app=istiod',
      'Install it first, or leave --mesh-installed out: meshproof then installs one.',
    );
  }
  const webhooks = injectors.map((injector) => `webhook ${injector.name} asks ${askedBy(injector)}`);
  const crds = definitions.length === 0 ? [] : [plural(definitions.length, 'CRD')];
  return half(`${[...webhooks, ...crds].join('; ')}, and no Deployment is labelled app=istiod`);
}

function unknown(message: string, hint = 'Choose one with --mesh-revision.'): MeshproofError {
  return new MeshproofError('MESHPROOF_MESH_UNKNOWN', message, hint);
}

function half(what: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_MESH_CONFLICT',
    `Half an Istio is installed: ${what}`,
    'Finish its installation, or remove what is left of it (`istioctl uninstall --purge -y`).',
  );
}

function inWords({ istiods, injectors }: FoundIstio): string {
  const tags = injectors.flatMap(({ tag, revision }) => (tag === undefined ? [] : [`tag ${tag} (${revision})`]));
  return [...istiods.map(ofIstiod), ...new Set(tags)].join(', ');
}

function ofIstiod({ revision, namespace, name }: Istiod): string {
  return `revision ${revision} (${namespace}/${name})`;
}
