/**
 * What runs in every meshed pod beside Envoy, bundled into one file: `init` before anything else, `stop` when the pod is told
 * to end. It says to Consul's API what `consul login`, `consul services register` and their like say, over one connection: each
 * start of that program of 128 MB takes longer than all of this.
 */
import { messageOf } from '../../../base/errors.ts';
import { init } from './init.ts';
import { stop } from './stop.ts';

const command = process.argv[2] === 'stop' ? stop : init;
try {
  await command();
} catch (error) {
  console.log(`mesh-${command.name}: ${messageOf(error)}`);
  process.exitCode = 1;
}
