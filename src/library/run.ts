import { setMaxListeners } from 'node:events';
import { resolve } from 'node:path';
import type { App } from '../apps/app.ts';
import { loadApp } from '../apps/load-app.ts';
import { MeshproofError } from '../base/errors.ts';
import { silentProgress, type Progress } from '../base/progress.ts';
import { meshOfLab } from '../lab/mesh-of-lab.ts';
import { checkOwnMesh, type OwnMesh } from '../lab/own-mesh.ts';
import { meshes, type MeshName } from '../meshes/index.ts';
import { loadScenarios, scenarioFrom, type ScenarioInput } from '../scenario/load.ts';
import type { Scenario } from '../scenario/schema.ts';
import { run } from '../run/run.ts';
import { defaults } from './defaults.ts';
import { resultOf, type Result } from './result.ts';

/** What runs and labs are told in the same words; each has a default (`defaults.ts`). */
export interface Settings {
  /** An app, the id of one that comes with meshproof, or the path of an app file. */
  app?: App | string | undefined;
  /** Name of an entry of `meshes`; default: that of the lab that is named, else the first. */
  mesh?: MeshName | undefined;
  /** Folder with programs of the mesh that you built: each is used instead of the one that meshproof would get. */
  meshBinaries?: string | undefined;
  /** Folder with archives of images of the mesh that you built, `<image>.tar`. */
  meshImages?: string | undefined;
  /** The mesh is in the lab already: it is adopted, and nothing of it is changed. */
  meshInstalled?: boolean | undefined;
  /** Which revision of several is adopted, or what the one that meshproof installs is called. */
  meshRevision?: string | undefined;
  /** Profile that the mesh is installed with, in its own words. */
  meshProfile?: string | undefined;
  /** Release of the mesh by its makers, or `built`: from its sources; default: the release where it can be had, else built. */
  meshRelease?: string | undefined;
  /** Which of its dialects policies are written in; default: its usual one. */
  meshDialect?: string | undefined;
  /** `auto`, or the name of an entry of `clusters`. */
  cluster?: string | undefined;
  /** Nodes of a lab that is made, 1 to 5; default: 1. One that is there has to have as many, if this is said. */
  nodes?: number | undefined;
  /** A lab by name, used and left as it is; else one is made, and deleted at the end. */
  lab?: string | undefined;
  /** Folder of reports. */
  reportsDir?: string | undefined;
  /** Is told what happens; default: nobody. */
  progress?: Progress | undefined;
  /** Ends it early; everything is taken back all the same. */
  signal?: AbortSignal | undefined;
}

export interface RunSettings extends Settings {
  /** Ids of scenarios or suites, or .yaml files; or one scenario as an object, with the fields of a file. */
  scenarios?: AskedScenarios | undefined;
  /** Leave the lab up. */
  keep?: boolean | undefined;
  /** What was typed, for the report. */
  command?: readonly string[] | undefined;
  /** Whether a person ended it; default: whether `signal` did, unless by a deadline of meshproof. */
  interrupted?: (() => boolean) | undefined;
}

export type AskedScenarios = string | readonly string[] | ScenarioInput;

/**
 * From nothing to a report: a lab, the scenarios on it, and the lab taken away. What `meshproof run` does.
 *
 * Once the lab is locked it does not throw: whatever happens then is in the report.
 *
 * @throws MeshproofError MESHPROOF_APP_UNKNOWN, MESHPROOF_APP_INVALID, MESHPROOF_SCENARIO_UNKNOWN, MESHPROOF_SCENARIO_INVALID,
 * MESHPROOF_USAGE for a mesh that cannot be had like that, before anything starts; MESHPROOF_LAB_BUSY
 */
export async function runScenarios(settings: RunSettings = {}): Promise<Result> {
  const app = await appOf(settings.app);
  const scenarios = await scenariosOf(settings.scenarios, app);
  const { lab } = settings;
  const { mesh, ownMesh } = await meshOf(settings);
  await checkOwnMesh(ownMesh, { mesh: meshes[mesh], lab });
  using stop = interruptible(settings.signal);
  const outcome = await run({
    scenarios,
    app,
    cluster: settings.cluster ?? defaults.cluster,
    nodes: settings.nodes,
    ...{ mesh, ownMesh, lab },
    keep: settings.keep === true,
    reportsDir: settings.reportsDir ?? defaults.reportsDir,
    command: [...(settings.command ?? ['runScenarios', ...scenarios.map(({ id }) => id)])],
    progress: settings.progress ?? silentProgress(),
    signal: stop.signal,
    interrupted: settings.interrupted ?? (() => stop.interrupted),
  });
  return resultOf(outcome);
}

export function ownMeshOf(settings: Settings): OwnMesh {
  return {
    binaries: settings.meshBinaries && resolve(settings.meshBinaries),
    images: settings.meshImages && resolve(settings.meshImages),
    installed: settings.meshInstalled,
    revision: settings.meshRevision,
    profile: settings.meshProfile,
    dialect: settings.meshDialect,
    release: settings.meshRelease,
  };
}

/** The mesh that is asked for, and what the user says of it; else what the lab that is named was given. */
export async function meshOf(
  settings: Settings,
  given: (lab: string) => ReturnType<typeof meshOfLab> = meshOfLab,
): Promise<{ mesh: MeshName; ownMesh: OwnMesh }> {
  const was = settings.lab === undefined ? undefined : await given(settings.lab);
  const mesh = settings.mesh ?? was?.mesh ?? defaults.mesh;
  const ownMesh = ownMeshOf(settings);
  if (was?.mesh !== mesh) return { mesh, ownMesh };
  const saysNothing = Object.values(ownMesh).every((value) => value === undefined || value === false);
  // What a lab is made of is not decided again.
  return saysNothing ? was : { mesh, ownMesh: { ...ownMesh, release: ownMesh.release ?? was.ownMesh.release } };
}

export async function appOf(app: App | string = defaults.app): Promise<App> {
  return typeof app === 'string' ? loadApp(app) : app;
}

export async function scenariosOf(asked: AskedScenarios = [], app: App): Promise<Scenario[]> {
  const services = app.services.map(({ name }) => name);
  if (typeof asked !== 'string' && !Array.isArray(asked)) return [scenarioFrom(asked as ScenarioInput, services)];
  const names = [asked as string | string[]].flat();
  return loadScenarios(names.length > 0 ? names : [defaults.scenarios], { services });
}

/** A user's signal as the engine's: what ends by it is no bug, and the report says that it was interrupted. */
export function interruptible(signal?: AbortSignal): Disposable & { signal: AbortSignal; interrupted: boolean } {
  const controller = new AbortController();
  // A dozen captures and as many waits listen at once; each takes its listener back.
  setMaxListeners(0, controller.signal);
  const abort = (): void => controller.abort(reasonOf(signal?.reason));
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    get interrupted() {
      const reason: unknown = controller.signal.reason;
      return reason instanceof MeshproofError && reason.code === 'MESHPROOF_INTERRUPTED';
    },
    [Symbol.dispose]: () => signal?.removeEventListener('abort', abort),
  };
}

function reasonOf(reason: unknown): MeshproofError {
  if (reason instanceof MeshproofError) return reason;
  const why = reason instanceof Error ? reason.message : String(reason);
  return new MeshproofError('MESHPROOF_INTERRUPTED', `Interrupted: ${why}`, 'Whoever called gave up on it.', {
    cause: reason,
  });
}
