import { homedir } from 'node:os';
import { join } from 'node:path';

/** What meshproof keeps between two commands: `$XDG_STATE_HOME/meshproof`. */
export function stateRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'meshproof');
}
