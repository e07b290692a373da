import type { App } from '../apps/app.ts';
import { MeshproofError } from '../base/errors.ts';
import { silentProgress, type Progress } from '../base/progress.ts';
import { lockLab } from '../clusters/lab-lock.ts';
import { deleteLab } from '../clusters/labs.ts';
import type { Lab as LabParts } from '../lab/lab.ts';
import { leaveLab } from '../lab/leave-lab.ts';
import { openLab as bringUp, throwAwayName } from '../lab/open-lab.ts';
import { run } from '../run/run.ts';
import { runIdAt } from '../run/run-id.ts';
import { defaults } from './defaults.ts';
import { scenarioOf, type Proof } from './proof.ts';
import { resultOf, type Result } from './result.ts';
import { appOf, interruptible, meshOf, scenariosOf, type AskedScenarios, type Settings } from './run.ts';

export interface LabSettings extends Settings {
  /** The lab stays up; one that is named and not there yet is made. */
  keep?: boolean | undefined;
  /** Delete a lab of that name first, whatever state it is in. */
  recreate?: boolean | undefined;
  /** What another process is told that wants the lab. */
  doing?: string | undefined;
}

/** A lab that is up, and this process's alone until it is disposed of. */
export interface Lab extends AsyncDisposable {
  readonly name: string;
  /** For kubectl. */
  readonly kubeconfigPath: string;
  readonly app: App;
  /**
   * Tries that a claim holds, once where it must fail and once where it must hold, and judges it. Proofs and runs of one lab
   * are done one after the other.
   *
   * @throws MeshproofError MESHPROOF_SCENARIO_INVALID, before anything starts
   */
  prove(proof: Proof): Promise<Result>;
  /**
   * Runs scenarios: ids, suites, files, or an object. Once it started it does not throw: whatever happens is in the report.
   *
   * @throws MeshproofError MESHPROOF_SCENARIO_UNKNOWN, MESHPROOF_SCENARIO_INVALID, before anything starts
   */
  run(scenarios: AskedScenarios): Promise<Result>;
}

/**
 * A cluster with a mesh and an app that answers data calls; `await using` it. One that this made is deleted on disposal, and
 * dies with the process; one that was there (`lab`) or is to stay (`keep`) is let go.
 *
 * @throws MeshproofError MESHPROOF_APP_UNKNOWN, MESHPROOF_APP_INVALID; MESHPROOF_LAB_BUSY, MESHPROOF_LAB_UNKNOWN,
 * MESHPROOF_LAB_STALE; others with exit code 3 where a lab could not be made to work: then nothing of it stays.
 * Disposal throws MESHPROOF_CLEANUP when something of a deleted lab is left on the machine.
 */
export async function openLab(settings: LabSettings = {}): Promise<Lab> {
  const app = await appOf(settings.app);
  const { progress = silentProgress(), reportsDir = defaults.reportsDir } = settings;
  const { lab: named, keep: stay } = settings;
  const runId = runIdAt(Date.now());
  const name = named ?? throwAwayName(runId);
  const where = {
    cluster: settings.cluster ?? defaults.cluster,
    nodes: settings.nodes,
    ...(await meshOf(settings)),
  };
  const lock = await lockLab(name, settings.doing ?? 'library');
  const stop = interruptible(settings.signal);
  const letGo = async (): Promise<void> => {
    stop[Symbol.dispose]();
    await lock[Symbol.asyncDispose]();
  };
  let lab: LabParts;
  try {
    if (settings.recreate === true) await progress.step(`deleting the lab ${name}`, () => deleteLab(name));
    lab = await bringUp({ ...where, app, lab: named, runId, stay, progress, signal: stop.signal });
  } catch (error) {
    await letGo();
    throw error;
  }
  let last: Promise<unknown> = Promise.resolve();
  let left: Promise<void> | undefined;
  const inTurn = (asked: AskedScenarios, word: string): Promise<Result> => {
    const mine = last.then(async () => {
      const scenarios = await scenariosOf(asked, app);
      const command = [word, ...scenarios.map(({ id }) => id)];
      const { signal } = stop;
      const interrupted = (): boolean => stop.interrupted;
      const common = { scenarios, app, reportsDir, command, progress, signal, interrupted };
      return resultOf(await run({ ...where, ...common, opened: lab, keep: true }));
    });
    last = mine.catch(() => {});
    return mine;
  };
  return {
    name: lab.name,
    kubeconfigPath: lab.cluster.kubeconfigPath,
    app: lab.app.app,
    prove: (proof) => inTurn(scenarioOf(proof), 'lab.prove'),
    run: (scenarios) => inTurn(scenarios, 'lab.run'),
    async [Symbol.asyncDispose]() {
      await last;
      left ??= leave(lab, progress).finally(letGo);
      await left;
    },
  };
}

async function leave(lab: LabParts, progress: Progress): Promise<void> {
  const left = await leaveLab(lab, progress);
  if (left.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_CLEANUP',
    `The deleted lab left on this machine: ${left.join('; ')}`,
    'Run `./bin/meshproof down --all`.',
  );
}
