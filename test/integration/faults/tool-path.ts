import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentProgress } from '../../../src/base/progress.ts';
import type { ToolName } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

/** A directory for PATH that holds these programs, from wherever the tool resolver has them. */
export async function toolPath(
  wanted: Partial<Record<ToolName, string[]>>,
): Promise<{ directory: string } & AsyncDisposable> {
  const toolbox = createToolbox({ progress: silentProgress(), signal: new AbortController().signal });
  const directory = await mkdtemp('/var/tmp/meshproof-bin-');
  await chmod(directory, 0o755);
  for (const [name, programs] of Object.entries(wanted)) {
    const tool = await toolbox.get(name as ToolName);
    for (const program of programs) {
      const path = tool.bin[program];
      if (path === undefined) throw new Error(`${name} has no ${program}`);
      if (Object.keys(tool.env).length === 0) {
        await symlink(path, join(directory, program));
        continue;
      }
      const environment = Object.entries(tool.env).map(([key, value]) => `export ${key}='${value}'\n`);
      await writeFile(join(directory, program), `#!/bin/sh\n${environment.join('')}exec '${path}' "$@"\n`, {
        mode: 0o755,
      });
    }
  }
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
