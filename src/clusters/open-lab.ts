import type { Progress } from '../base/progress.ts';
import type { Toolbox } from '../tools/tool.ts';
import { embeddedProvider } from './embedded/embedded-provider.ts';
import type { RunningCluster } from './provider.ts';

/**
 * The embedded lab of that name: attached to if it is up, else made. With `keep` it outlives this process; otherwise it
 * dies with it, and what a SIGKILL leaves is reaped by the next one.
 */
export async function openLab(options: {
  name: string;
  toolbox: Toolbox;
  progress: Progress;
  signal?: AbortSignal;
  keep?: boolean;
}): Promise<RunningCluster> {
  const { name, toolbox, progress, keep = false } = options;
  const context = { toolbox, progress, signal: options.signal ?? new AbortController().signal };
  const attached = await embeddedProvider.attach(name, context);
  return attached ?? (await embeddedProvider.create({ name, ownedByProcess: !keep }, context));
}
