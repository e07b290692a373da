import { runCommand, type CommandOptions, type CommandResult } from '../../base/process.ts';
import type { MeshContext } from '../adapter.ts';

export type Cli = (
  args: readonly string[],
  options?: Pick<CommandOptions, 'input' | 'okExitCodes'>,
) => Promise<CommandResult>;

/** Linkerd's command line, on the cluster of a lab. @throws MeshproofError MESHPROOF_COMMAND_FAILED */
export function linkerdCli({
  tool,
  kubeconfigPath,
  signal,
}: Pick<MeshContext, 'tool' | 'kubeconfigPath' | 'signal'>): Cli {
  return async (args, options = {}) => {
    const { bin, env } = await tool('linkerd');
    const argv = [bin['linkerd'] ?? 'linkerd', ...args, '--kubeconfig', kubeconfigPath];
    return runCommand(argv, { ...options, env, signal, timeoutMs: 60_000 });
  };
}
