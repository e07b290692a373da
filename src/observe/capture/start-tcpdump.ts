import type { Readable } from 'node:stream';
import { pollUntil } from '../../base/poll.ts';
import { startCommand, type RunningCommand } from '../../base/process.ts';
import type { PodRef } from '../../kube/types.ts';
import type { Tool } from '../../tools/tool.ts';
import { captureError } from './capture-error.ts';
import { readCounters, tcpdumpArgv, type TcpdumpCounters } from './tcpdump-argv.ts';

export interface TcpdumpOptions {
  /** Whose traffic it is; named in errors. */
  pod: PodRef;
  /** Turns a command into one that runs in the pod's network namespace (`podNetwork.command`). */
  argvFor: (argv: string[]) => Promise<string[]>;
  tcpdump: Tool;
  signal: AbortSignal;
  /** Default eth0: on loopback a mesh is plaintext by design. */
  interface?: string;
  /** What to capture, as pcap-filter(7) writes it; default: all of TCP. */
  filter?: string | undefined;
  /** tcpdump ends itself after this time, in case meshproof is killed; default 15 minutes. */
  maxDurationMs?: number;
  /** How long tcpdump may take until it listens; default 10 s. */
  readyTimeoutMs?: number;
}

/** What is known of a running tcpdump. */
export interface TcpdumpLook {
  counters: TcpdumpCounters | undefined;
  /** How often it has told all of its counters. */
  reports: number;
  ended: boolean;
}

/** A tcpdump that listens. */
export interface RunningTcpdump {
  command: RunningCommand;
  look(): TcpdumpLook;
}

/**
 * Starts tcpdump in a pod's network namespace and resolves once it listens.
 *
 * @param options.file where it writes, `-` for its standard output
 * @throws MeshproofError MESHPROOF_CAPTURE with tcpdump's own last message if it ends before it listens, or does not get there.
 */
export async function startTcpdump(
  options: TcpdumpOptions & { file: string; onStdout?: ((stdout: Readable) => void) | undefined },
): Promise<RunningTcpdump> {
  const { pod, signal, onStdout } = options;
  signal.throwIfAborted();
  const where = `${pod.namespace}/${pod.name}`;
  const argv = await options.argvFor(tcpdumpArgv(options));
  let listening = false;
  let counters: TcpdumpCounters | undefined;
  let reports = 0;
  let endedBy: Awaited<RunningCommand['ended']> | undefined;
  const onStderrLine = (line: string): void => {
    if (line.includes('listening on ')) listening = true;
    const read = readCounters(line, counters);
    if (read === undefined) return;
    counters = read;
    if (read.drops !== undefined) reports++;
  };
  const command = startCommand(argv, { onStderrLine, onStdout });
  void command.ended.then((end) => (endedBy = end));
  try {
    await pollUntil(
      () => {
        if (listening) return Promise.resolve({ ready: true });
        if (endedBy !== undefined)
          throw captureError(
            `tcpdump at ${where} ended at once: ${lastWords(endedBy.stderr)}`,
            hintFor(endedBy.stderr),
          );
        return Promise.resolve({ pending: 'tcpdump has not said that it listens' });
      },
      {
        what: `capture at ${where}`,
        timeoutMs: options.readyTimeoutMs ?? 10_000,
        intervalMs: 10,
        signal,
        code: 'MESHPROOF_CAPTURE',
      },
    );
  } catch (error) {
    await command.stop();
    throw error;
  }
  return { command, look: () => ({ counters, reports, ended: endedBy !== undefined }) };
}

/** Its last words, without the counters: an error of libpcap may take two lines. */
export function lastWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const told = lines.filter((line) => line !== '' && readCounters(line, undefined) === undefined);
  return told.slice(-2).join(' ') || 'it said nothing';
}

function hintFor(stderr: string): string {
  if (/permission|not permitted/i.test(stderr)) return 'Capturing needs root (CAP_NET_RAW, CAP_NET_ADMIN).';
  if (/No such device/i.test(stderr))
    return 'The pod has no such interface: does it run with hostNetwork, or is it gone?';
  return 'Try `meshproof doctor`; the command runs in the network namespace of the pod.';
}
