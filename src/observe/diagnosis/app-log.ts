import type { KubeClient } from '../../kube/types.ts';

const tailLines = 60;
const shown = 3;
/** How runtimes and clients word a connection that was cut or refused. */
const broken =
  /ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|ENOTFOUND|socket hang up|connection (?:was )?(?:reset|refused|closed|terminated)|broken pipe|server closed the connection|fetch failed|TLS handshake|i\/o timeout/i;

/** Pure: the last lines of a log that tell of connections that broke, each cut to a readable length. */
export function brokenConnections(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => broken.test(line))
    .slice(-shown)
    .map((line) => line.trim().slice(0, 300));
}

/** The same of a container's newest lines; nothing when its log cannot be read. */
export async function brokenConnectionLines(
  kube: KubeClient,
  pod: { namespace: string; name: string },
  container: string,
): Promise<string[]> {
  const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log`;
  const log = await kube.getText(`${path}?container=${container}&tailLines=${tailLines}`).catch(() => '');
  return brokenConnections(log);
}
