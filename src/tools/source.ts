import type { ToolName } from './tool.ts';
import type { ToolLock } from './lock.ts';

/** A source has nothing to give here, or its transfer failed: the next one is asked. Anything else ends the search. */
export class NotHere extends Error {}

/** What every source gets to work with. */
export interface SourceContext {
  name: ToolName;
  lock: ToolLock;
  cacheDir: string;
  /** The environment of this process as the caller wants it seen; PATH is looked up here. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Shown beside the running step. */
  detail: (text: string) => void;
  stallMs?: number | undefined;
}

/** The environment as child processes want it: no undefined values. */
export function childEnv(env: NodeJS.ProcessEnv, more: Record<string, string> = {}): Record<string, string> {
  const given = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return { ...Object.fromEntries(given), ...more };
}
