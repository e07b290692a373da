import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeshName } from '../../src/meshes/index.ts';
import { meshproof } from '../e2e/cli.ts';
import { meshesHere } from '../e2e/meshes-here.ts';
import { benchLab } from './lab.ts';

export interface MeshBench {
  /** From nothing to every service answering a data call through the mesh. */
  upMs: number;
  /** The whole suite on a lab of its own: set-up, experiments, clean-up and report. */
  suiteMs: number;
  /** Last line of that run. A time counts only where it is healthy. */
  verdict: string;
}

/** Lab and suite on each mesh, one after the other, with warm tools. */
export async function benchMesh(): Promise<Partial<Record<MeshName, MeshBench>>> {
  const found: Partial<Record<MeshName, MeshBench>> = {};
  const reports = mkdtempSync(join(tmpdir(), 'meshproof-bench-'));
  try {
    for (const mesh of meshesHere) {
      const { answeringMs } = await benchLab(mesh);
      const started = performance.now();
      const { lastLine } = await meshproof(['run', '--mesh', mesh, '--reports', reports], { timeoutMs: 1_200_000 });
      found[mesh] = { upMs: answeringMs, suiteMs: performance.now() - started, verdict: lastLine };
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  return found;
}
