import { cpus, release, totalmem, type, version } from 'node:os';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../base/process.ts';
import type { RunReport } from '../report/model.ts';

/** The machine, as the report states it; no host name. */
export function hostFacts(mechanisms: Record<string, string>): RunReport['host'] {
  return { os: `${type()} ${version()}`, kernel: release(), cpus: cpus().length, memoryBytes: totalmem(), mechanisms };
}

/** Version and commit of this meshproof; `unknown` outside a git checkout. */
export async function toolFacts(): Promise<RunReport['tool']> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { version: own } = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as { version: string };
  const commit = await runCommand(['git', '-C', root, 'rev-parse', '--short', 'HEAD'], { okExitCodes: [0, 127, 128] })
    .then(({ stdout }) => stdout.trim())
    .catch(() => '');
  return { version: own, commit: commit === '' ? 'unknown' : commit };
}
