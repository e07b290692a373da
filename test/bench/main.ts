/** `npm run bench [-- --only capture|lab|mesh]`: prints what was measured, and on what, as JSON. Progress goes to standard error. */
import { availableParallelism, cpus, freemem, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { MeshproofError, messageOf, toMeshproofError } from '../../src/base/errors.ts';
import { printError } from '../../src/cli/print.ts';
import { benchCapture } from './capture.ts';
import { benchLab } from './lab.ts';
import { benchMesh } from './mesh.ts';

const parts = ['lab', 'capture', 'mesh'] as const;
type Part = (typeof parts)[number];
/** What is asked for by name only: it takes many minutes. */
const quick: readonly Part[] = ['lab', 'capture'];

function wanted(): readonly Part[] {
  const usage = (what: string): MeshproofError =>
    new MeshproofError('MESHPROOF_USAGE', what, `npm run bench [-- --only ${parts.join('|')}]`);
  let only: string | undefined;
  try {
    only = parseArgs({ options: { only: { type: 'string' } } }).values.only;
  } catch (error) {
    throw usage(messageOf(error));
  }
  if (only === undefined) return quick;
  const part = parts.find((each) => each === only);
  if (part === undefined) throw usage(`--only ${only}: expected ${parts.join(' or ')}`);
  return [part];
}

/** The load average tells whether the machine was busy with something else: then the numbers are of little worth. */
function machine(): Record<string, string | number> {
  return {
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    freeMemoryMiB: Math.round(freemem() / 2 ** 20),
    kernel: release(),
    node: process.versions.node,
    loadAverageBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

try {
  const chosen = wanted();
  const result: Record<string, unknown> = { measuredAt: new Date().toISOString(), machine: machine() };
  // The lab first: its peak RSS is this process's, which making a capture would raise.
  if (chosen.includes('lab')) result['lab'] = await benchLab();
  if (chosen.includes('capture')) result['capture'] = await benchCapture();
  if (chosen.includes('mesh')) result['mesh'] = await benchMesh();
  process.stdout.write(`${JSON.stringify(result, rounded, 2)}\n`);
} catch (error) {
  const known = toMeshproofError(error);
  printError(known);
  process.exitCode = known.exitCode;
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 100) / 100 : value;
}
