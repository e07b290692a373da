import { KubeConfig } from '@kubernetes/client-node';
import { MeshproofError, messageOf } from '../base/errors.ts';

/**
 * Reads a kubeconfig given as a path or as its own YAML text.
 *
 * @throws MeshproofError MESHPROOF_USAGE when it cannot be read or names no cluster.
 */
export function loadKubeConfig(kubeconfig: string, context?: string): KubeConfig {
  const config = new KubeConfig();
  const isText = kubeconfig.includes('\n');
  try {
    if (isText) config.loadFromString(kubeconfig);
    else config.loadFromFile(kubeconfig);
    if (context !== undefined) config.setCurrentContext(context);
  } catch (error) {
    throw unusable(isText ? 'the kubeconfig' : kubeconfig, messageOf(error), error);
  }
  if (!config.getCurrentCluster())
    throw unusable(isText ? 'the kubeconfig' : kubeconfig, 'it names no current cluster');
  return config;
}

function unusable(what: string, why: string, cause?: unknown): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_USAGE',
    `Cannot use ${what}: ${why}`,
    'Give a valid --kubeconfig, and --context if it has several.',
    {
      cause,
    },
  );
}
