import { runCommand } from '../../base/process.ts';

/** Whether processes here may lower oom_score_adj (CAP_SYS_RESOURCE): found by trying, for containers may forbid it in other ways. */
export async function canLowerOomScore(): Promise<boolean> {
  const { exitCode } = await runCommand(['/bin/sh', '-c', 'echo -998 > /proc/self/oom_score_adj'], {
    okExitCodes: [0, 1, 2],
    timeoutMs: 5000,
  });
  return exitCode === 0;
}
