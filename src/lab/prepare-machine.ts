import type { Progress } from '../base/progress.ts';
import { chooseProvider, detectProviders, type Choice } from '../clusters/detect.ts';
import { reapLabs } from '../clusters/labs.ts';
import { checkDisk, neededBytes } from '../tools/platform.ts';
import type { ToolName } from '../tools/tool.ts';
import type { InspectableToolbox } from '../tools/toolbox.ts';

/**
 * What a machine needs before it can have a cluster: space, a way to make one, no labs of the dead, and the programs.
 *
 * @param options.cluster `auto`, or the name of an entry of `clusters`
 * @throws MeshproofError with exit code 3: MESHPROOF_DISK_FULL, MESHPROOF_CLUSTER_UNAVAILABLE, MESHPROOF_NOT_ROOT, or of tools
 */
export async function prepareMachine(options: {
  cluster: string;
  tools: readonly ToolName[];
  toolbox: InspectableToolbox;
  progress: Progress;
}): Promise<Choice> {
  const { tools, toolbox, progress } = options;
  const missing = await Promise.all(tools.map(async (name) => (await toolbox.look(name)).tool === undefined));
  await checkDisk(toolbox.cacheDir, missing.includes(true) ? neededBytes.cold : neededBytes.warm);
  const choice = await chooseProvider(options.cluster, await detectProviders());
  for (const name of await reapLabs()) progress.info(`removed the lab ${name}, whose owner is gone`);
  await progress.step('tools', () => toolbox.ensure([...tools]));
  return choice;
}
