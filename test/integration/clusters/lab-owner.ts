/** Makes a lab it owns, says so, and waits to be killed. Arguments: name. */
import { silentProgress } from '../../../src/base/progress.ts';
import { embeddedProvider } from '../../../src/clusters/embedded/embedded-provider.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

const progress = silentProgress();
const { signal } = new AbortController();
const name = process.argv[2] ?? '';
await embeddedProvider.create(
  { name, ownedByProcess: true },
  { toolbox: createToolbox({ progress, signal }), progress, signal },
);
process.stdout.write('up\n');
setInterval(() => {}, 60_000);
