import { MeshproofError } from '../../src/base/errors.ts';
import type { Timing } from '../../src/base/progress.ts';
import { consoleProgress } from '../../src/cli/progress.ts';
import { readRecord } from '../../src/clusters/embedded/lab-record.ts';
import { labVariable } from '../../src/clusters/embedded/node-process.ts';
import { watchInterrupts } from '../../src/run/interrupt.ts';
import { openLab } from '../../src/lab/open-lab.ts';
import { defaults } from '../../src/library/defaults.ts';
import type { MeshName } from '../../src/meshes/index.ts';
import { cpuOf, cpuOfLabelled, cpuPressureSince, markPressure } from './process-cpu.ts';
import { memoryOfLabelled, peakRssMiB, type ProcessMemory } from './process-memory.ts';

export interface LabBench {
  /** From the node's first process to Node Ready, CoreDNS's objects applied; tools and images not included. */
  nodeReadyMs: number;
  /** From nothing to every replica of TripInsights answering a data call through the mesh; all steps included. */
  answeringMs: number;
  /** Until then, by program; `all` is the lab's own, `meshproof` this process. Comparable on a busy machine, where times are not. */
  cpuSecondsBy: Record<string, number>;
  /** Share of that time in which some process waited for a CPU; null where the kernel does not tell. */
  cpuPressure: number | null;
  /** As soon as all answer; nothing was waited for. */
  labMemory: ProcessMemory;
  /** Peak RSS of this process, which did the work of `meshproof up`: Node included. */
  ownPeakRssMiB: number;
  downMs: number;
  /** Steps overlap and contain one another. A warm cache shows as short `tools` and `images`. */
  timings: Timing[];
}

/** A lab from nothing to answering and back. It is deleted also on failure and on Ctrl-C. @throws as openLab does. */
export async function benchLab(mesh: MeshName = defaults.mesh): Promise<LabBench> {
  const timings: Timing[] = [];
  using progress = consoleProgress({ timings });
  using interrupts = watchInterrupts({
    onFirst: (why) => progress.warn(`${why}: cleaning up`),
    onSecond: () => process.exit(130),
  });
  const start = performance.now();
  const before = { pressure: markPressure(), own: cpuOf(process.pid)! };
  const lab = await openLab({
    cluster: 'embedded',
    mesh,
    runId: `bench-${mesh}-${process.pid}`,
    progress,
    signal: interrupts.signal,
  });
  const answeringMs = Math.round(performance.now() - start);
  const cpuPressure = cpuPressureSince(before.pressure) ?? null;
  const own = cpuOf(process.pid)!;
  let cpuSecondsBy: Record<string, number>;
  let labMemory: ProcessMemory;
  try {
    const record = await readRecord(lab.name);
    if (record === undefined) throw internal(`the lab ${lab.name} has no record`);
    cpuSecondsBy = {
      ...cpuOfLabelled(labVariable, record.id),
      meshproof: own.own - before.own.own,
      'programs that meshproof ran': own.children - before.own.children,
    };
    labMemory = memoryOfLabelled(labVariable, record.id);
    if (labMemory.programs['envoy'] === undefined)
      throw internal('no sidecar was found among the processes of the lab');
  } finally {
    await lab.close();
    await progress.step('deleting the lab', () => lab.delete());
  }
  const remains = await lab.remains();
  if (remains.length > 0) throw internal(`the lab left behind: ${remains.join(', ')}`);
  return {
    nodeReadyMs: stepMs(timings, 'Starting Kubernetes'),
    answeringMs,
    cpuSecondsBy,
    cpuPressure,
    labMemory,
    ownPeakRssMiB: Math.round(peakRssMiB()),
    downMs: stepMs(timings, 'deleting the lab'),
    timings,
  };
}

/** A step that was renamed must not turn into a number that nobody measured. */
function stepMs(timings: readonly Timing[], step: string): number {
  const timing = timings.find((each) => each.step === step);
  if (timing === undefined) throw internal(`no step "${step}" was timed`);
  return timing.ms;
}

function internal(what: string): MeshproofError {
  return new MeshproofError('MESHPROOF_INTERNAL', `bench: ${what}`, 'This is a bug of the benchmark or of meshproof.');
}
