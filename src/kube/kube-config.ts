import { KubeConfig } from '@kubernetes/client-node';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { proxyFromEnvironment, type Environment } from './proxy.ts';

/** What both the client for REST and client-node (for websockets) can go through. */
const proxyProtocols = ['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:'];

/**
 * Reads a kubeconfig given as a path or as its own YAML text. A cluster without a `proxy-url` of its own gets that of
 * the environment, as with kubectl.
 *
 * @throws MeshproofError MESHPROOF_USAGE when it cannot be read, names no cluster, or its proxy makes no sense.
 */
export function loadKubeConfig(kubeconfig: string, context?: string, env: Environment = process.env): KubeConfig {
  const config = new KubeConfig();
  const isText = kubeconfig.includes('\n');
  const what = isText ? 'the kubeconfig' : kubeconfig;
  try {
    if (isText) config.loadFromString(kubeconfig);
    else config.loadFromFile(kubeconfig);
    if (context !== undefined) config.setCurrentContext(context);
  } catch (error) {
    throw unusable(what, messageOf(error), error);
  }
  const cluster = config.getCurrentCluster();
  if (!cluster) throw unusable(what, 'it names no current cluster');
  if (!URL.canParse(cluster.server)) throw unusable(what, `its server ${JSON.stringify(cluster.server)} is no URL`);
  const proxyUrl = cluster.proxyUrl || proxyFromEnvironment(new URL(cluster.server), env);
  if (proxyUrl === undefined) return config;
  // The URL may hold a password: it is not named.
  if (!URL.canParse(proxyUrl) || !proxyProtocols.includes(new URL(proxyUrl).protocol)) {
    throw unusable(what, 'the proxy of its cluster, or of HTTPS_PROXY or HTTP_PROXY, is no http, https or socks URL');
  }
  config.clusters = config.clusters.map((one) => (one === cluster ? { ...cluster, proxyUrl } : one));
  return config;
}

function unusable(what: string, why: string, cause?: unknown): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_USAGE',
    `Cannot use ${what}: ${why}`,
    'Give a valid --kubeconfig, and --context if it has several.',
    { cause },
  );
}
