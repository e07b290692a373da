import { runCommand } from '../../base/process.ts';
import type { MeshContext } from '../adapter.ts';
import type { IstioInstallation } from './installation.ts';

export type Istioctl = Pick<MeshContext, 'tool' | 'signal'> & Partial<Pick<MeshContext, 'kubeconfigPath'>>;

/** Runs istioctl, against the lab's cluster where its arguments ask one; what it says on standard output. */
export async function istioctl(
  { tool, signal, kubeconfigPath }: Istioctl,
  args: readonly string[],
  { input, timeoutMs = 60_000 }: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  const { bin } = await tool('istioctl');
  const { stdout } = await runCommand([bin.istioctl ?? 'istioctl', ...args], {
    input,
    signal,
    timeoutMs,
    // Whatever KUBECONFIG says: this lab and no other cluster.
    ...(kubeconfigPath !== undefined && { env: { KUBECONFIG: kubeconfigPath } }),
  });
  return stdout;
}

/** Where a command finds istiod. It asks each one there, and each has the name `istiod` in its certificate, whatever its revision. */
export function whichIstio({ namespace }: Pick<IstioInstallation, 'namespace'>): string[] {
  return ['--istioNamespace', namespace];
}
