/** Makes a lab it owns, says so, and waits to be killed. Arguments: name, and how many nodes. */
import { silentProgress } from '../../../src/base/progress.ts';
import { embeddedProvider } from '../../../src/clusters/embedded/embedded-provider.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

const progress = silentProgress();
const { signal } = new AbortController();
const [, , name = '', nodes = '1'] = process.argv;
await embeddedProvider.create(
  { name, ownedByProcess: true, nodes: Number(nodes) },
  { toolbox: createToolbox({ progress, signal }), progress, signal },
);
process.stdout.write('up\n');
setInterval(() => {}, 60_000);
