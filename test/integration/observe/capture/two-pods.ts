import { fileURLToPath } from 'node:url';
import { pollUntil } from '../../../../src/base/poll.ts';
import { runCommand, startCommand } from '../../../../src/base/process.ts';
import { silentProgress } from '../../../../src/base/progress.ts';
import type { PodRef } from '../../../../src/kube/types.ts';
import type { Tool } from '../../../../src/tools/tool.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';
import type { PeerSettings } from './peer.ts';

export const clientIp = '10.77.0.1';
export const serverIp = '10.77.0.2';

/** Two network namespaces joined by a veth pair, each end named eth0, as two pods have them. */
export interface TwoPods extends AsyncDisposable {
  tcpdump: Tool;
  client: PodRef;
  server: PodRef;
  /** As `podNetwork.command` does: a host command line that runs in the pod's network namespace. */
  command(pod: PodRef, argv: readonly string[]): string[];
  /** Server up, client run to its end, server down. */
  talk(settings: Omit<PeerSettings, 'role' | 'host'>): Promise<void>;
}

let count = 0;

export async function twoPods(): Promise<TwoPods> {
  const toolbox = createToolbox({ progress: silentProgress(), signal: new AbortController().signal });
  const [tcpdump, iproute] = await Promise.all([toolbox.get('tcpdump'), toolbox.get('iproute2')]);
  const program = iproute.bin['ip'] ?? 'ip';
  const ip = (...argv: string[]): Promise<unknown> => runCommand([program, ...argv], { env: iproute.env });
  const id = `mpcap${process.pid}-${count++}`;
  const pod = (name: string, address: string): PodRef => ({
    namespace: 'test',
    name: `${id}${name}`,
    uid: name,
    ip: address,
    node: 'here',
  });
  const client = pod('c', clientIp);
  const server = pod('s', serverIp);
  const remove = async (): Promise<void> => {
    for (const { name } of [client, server]) await ip('netns', 'del', name).catch(() => {});
  };
  try {
    for (const { name } of [client, server]) await ip('netns', 'add', name);
    await ip('-n', client.name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', server.name);
    for (const { name, ip: address } of [client, server]) {
      await ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      for (const link of ['lo', 'eth0']) await ip('-n', name, 'link', 'set', link, 'up');
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const command: TwoPods['command'] = ({ name }, argv) => [program, 'netns', 'exec', name, ...argv];
  const peer = (role: PeerSettings['role'], settings: Omit<PeerSettings, 'role' | 'host'>): string[] => {
    const script = fileURLToPath(new URL('peer.ts', import.meta.url));
    const given: PeerSettings = { ...settings, role, host: serverIp };
    return command(role === 'server' ? server : client, [
      process.execPath,
      '--import',
      'tsx',
      script,
      JSON.stringify(given),
    ]);
  };
  const talk: TwoPods['talk'] = async (settings) => {
    let ready = false;
    await using running = startCommand(peer('server', settings), {
      onStderrLine: (line) => (ready ||= line === 'ready'),
    });
    void running;
    await pollUntil(() => Promise.resolve(ready ? { ready } : { pending: 'not listening' }), {
      what: 'peer',
      timeoutMs: 30_000,
    });
    await runCommand(peer('client', settings), { timeoutMs: 30_000 });
  };
  return { tcpdump, client, server, command, talk, [Symbol.asyncDispose]: remove };
}
