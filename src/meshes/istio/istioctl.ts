import { runCommand } from '../../base/process.ts';
import type { MeshContext } from '../adapter.ts';
import type { IstioInstallation } from './installation.ts';
import { defaultRevision } from './names.ts';

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

/** Which of several control planes a command is about, behind its name; of the default revision istioctl finds the one by itself. */
export function whichIstio({ namespace, revision }: Pick<IstioInstallation, 'namespace' | 'revision'>): string[] {
  return ['--istioNamespace', namespace, ...(revision === defaultRevision ? [] : ['--revision', revision])];
}
