import { spawnSync } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Runs the npm of PATH with the Node that runs this: some distributions' npm names its own Node in its first line. Whether it succeeded. */
export function npm(args, cwd) {
  const file = findNpm();
  const argv = file.endsWith('.js') ? [process.execPath, file] : [file];
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  return spawnSync(argv[0], [...argv.slice(1), ...args, ...options], { cwd, stdio: ['ignore', 2, 2] }).status === 0;
}

function findNpm() {
  for (const directory of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(directory, 'npm');
    try {
      accessSync(path, constants.X_OK);
      return realpathSync(path);
    } catch {
      // Not in this directory.
    }
  }
  return 'npm';
}
