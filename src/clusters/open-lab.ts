import type { Progress } from '../base/progress.ts';
import type { Toolbox } from '../tools/tool.ts';
import { chooseProvider, detectProviders } from './detect.ts';
import type { RunningCluster } from './provider.ts';

/**
 * The cluster of that name, of the kind `auto` chooses: attached to if it is up, else made. With `keep` it outlives this process; otherwise it
 * dies with it, and what a SIGKILL leaves is reaped by the next one.
 */
export async function openLab(options: {
  name: string;
  toolbox: Toolbox;
  progress: Progress;
  signal?: AbortSignal | undefined;
  keep?: boolean | undefined;
}): Promise<RunningCluster> {
  const { name, toolbox, progress, keep = false } = options;
  const context = { toolbox, progress, signal: options.signal ?? new AbortController().signal };
  const { provider } = await chooseProvider('auto', await detectProviders());
  return (await provider.attach(name, context)) ?? (await provider.create({ name, ownedByProcess: !keep }, context));
}
