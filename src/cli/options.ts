import { InvalidArgumentError, Option } from 'commander';
import { clusterChoices } from '../clusters/index.ts';
import { defaults, meshNames } from '../library/defaults.ts';

/** Options that several commands share; one definition each, so that they mean and read the same everywhere. */
export const clusterOption = (): Option =>
  new Option('--cluster <provider>', 'where Kubernetes comes from').choices(clusterChoices).default(defaults.cluster);

export const nodesOption = (): Option =>
  new Option(
    '--nodes <count>',
    'nodes of the lab that is made, 1 to 5 (default: 1); each is a zone of its own',
  ).argParser((value: string) => {
    if (!/^[1-5]$/.test(value)) throw new InvalidArgumentError('expected a whole number from 1 to 5.');
    return Number(value);
  });

/** For who has no lab yet. */
export const meshOption = (): Option =>
  new Option('--mesh <mesh>', 'service mesh under test').choices(meshNames).default(defaults.mesh);

/** For who may name a lab, which has a mesh already. */
export const labMeshOption = (): Option =>
  new Option('--mesh <mesh>', `service mesh under test (default: that of the lab, else ${defaults.mesh})`).choices(
    meshNames,
  );

export const meshBinariesOption = (): Option =>
  new Option('--mesh-binaries <dir>', 'folder with programs of the mesh that you built').env('MESHPROOF_MESH_BINARIES');

export const meshImagesOption = (): Option =>
  new Option('--mesh-images <dir>', 'folder with image archives of the mesh that you built, <image>.tar').env(
    'MESHPROOF_MESH_IMAGES',
  );

export const meshInstalledOption = (): Option =>
  new Option('--mesh-installed', 'adopt the mesh that is installed in the lab already: nothing of it is changed');

export const meshRevisionOption = (): Option =>
  new Option(
    '--mesh-revision <name>',
    'with --mesh-installed: which revision or tag; else: what the installed one is called',
  );

export const meshProfileOption = (): Option =>
  new Option('--mesh-profile <name>', 'profile that the mesh is installed with, in its own words');

export const meshReleaseOption = (): Option =>
  new Option(
    '--mesh-release <version>',
    'official release of the mesh, or `built`: from its sources (default: the release where it can be had, else built)',
  );

export const meshDialectOption = (): Option =>
  new Option(
    '--mesh-dialect <name>',
    'other resources of the mesh that policies are written in, as `list meshes --json` names them',
  );

export const appOption = (): Option =>
  new Option(
    '--app <file>',
    'the application under test: an app file, or the id of one that comes with meshproof',
  ).default(defaults.app);

export const reportsOption = (): Option =>
  new Option('--reports <dir>', 'folder of reports').default(defaults.reportsDir);

export const labOption = (): Option =>
  new Option('--lab <name>', 'a lab by name: `run` uses it if it is up').argParser((value: string) => {
    if (!/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/.test(value))
      throw new InvalidArgumentError('lower-case letters, digits and dashes, at most 24.');
    return value;
  });

export const jsonOption = (): Option => new Option('--json', 'machine-readable output on standard output');

export const timeoutOption = (): Option =>
  new Option('--timeout <duration>', 'give up after this long, e.g. 20m, 90s (cleanup has its own time)').argParser(
    parseDuration,
  );

/** `90s`, `20m`, `1h`, or seconds; returns milliseconds. */
export function parseDuration(value: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value);
  const amount = Number(match?.[1]);
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const ms = amount * units[(match?.[2] ?? 's') as keyof typeof units];
  if (!(ms > 0) || !Number.isFinite(ms)) throw new InvalidArgumentError('expected a duration such as 90s, 20m or 1h.');
  return ms;
}

/** A whole number from 1 on. */
export function parseCount(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('expected a whole number from 1 on.');
  return Number(value);
}

/** Traffic is the difference of two looks. Proxies bring their latencies up to date every few seconds only. */
export const windowOption = (): Option =>
  new Option('--window <duration>', 'how long traffic is watched').argParser(parseDuration).default(10_000, '10s');

/** For what was declared, and for the names of routes. */
export const knownAppOption = (): Option =>
  new Option(
    '--app <file>',
    'app file of what runs there (default: of the lab’s own app, where it came with meshproof)',
  );
