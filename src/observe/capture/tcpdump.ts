import { stat } from 'node:fs/promises';
import { MeshproofError } from '../../base/errors.ts';
import { systemClock } from '../../base/clock.ts';
import { pollUntil } from '../../base/poll.ts';
import { startCommand, type RunningCommand } from '../../base/process.ts';
import type { PodRef } from '../../kube/types.ts';
import type { Tool } from '../../tools/tool.ts';
import { captureError } from './capture-error.ts';
import { lastDescendant } from './process-tree.ts';
import { readCounters, tcpdumpArgv, type TcpdumpCounters } from './tcpdump-argv.ts';

export interface CaptureOptions {
  /** Whose traffic it is; named in errors. */
  pod: PodRef;
  /** Turns a command into one that runs in the pod's network namespace (`podNetwork.command`). */
  argvFor: (argv: string[]) => Promise<string[]>;
  tcpdump: Tool;
  /** Where to write; must end in `.pcap`, since Debian's AppArmor profile lets tcpdump write nothing else. */
  file: string;
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

export interface CaptureResult {
  file: string;
  packetsCaptured: number;
  /** As counted by the kernel's filter; more than captured only where packets were dropped or still on their way at the end. */
  packetsReceived: number;
  kernelDrops: number;
  /** Why nothing may be concluded from the file; empty = sound. */
  problems: string[];
}

export interface RunningCapture extends AsyncDisposable {
  readonly file: string;
  /** Waits until tcpdump has written what the kernel holds, then ends it. Idempotent; never throws for a tcpdump that died. */
  stop(): Promise<CaptureResult>;
}

/** The kernel hands packets over in blocks, at the latest after tcpdump's own read timeout of one second. */
const blockTimeoutMs = 1000;
const drainTimeoutMs = 3 * blockTimeoutMs;

/**
 * Starts tcpdump in a pod's network namespace and resolves once it listens: every packet from then on is in the file.
 *
 * @throws MeshproofError MESHPROOF_CAPTURE with tcpdump's own last message if it ends before it listens, or does not get there.
 */
export async function startCapture(options: CaptureOptions): Promise<RunningCapture> {
  const { pod, file, signal } = options;
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
  const command = startCommand(argv, { onStderrLine });
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

  const finish = async (): Promise<CaptureResult> => {
    signal.removeEventListener('abort', onAbort);
    if (endedBy === undefined) await drain(command.pid, () => ({ counters, reports, ended: endedBy !== undefined }));
    // Ended before it was asked, however late that is seen: dead processes are reported with a delay.
    let byItself = endedBy !== undefined;
    const { killed } = await command.stop();
    const end = await command.ended;
    byItself ||= end.signal === 'SIGKILL' && !killed;
    // The last lines may come without a line break.
    for (const line of end.stderr.split('\n').slice(-4)) counters = readCounters(line, counters) ?? counters;
    return result(file, counters, byItself ? end : undefined, killed);
  };
  let stopped: Promise<CaptureResult> | undefined;
  const stop = (): Promise<CaptureResult> => (stopped ??= finish());
  const onAbort = (): void => void stop().catch(() => {});
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    file,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

/**
 * SIGUSR1 makes tcpdump print its counters and go on: done when everything the kernel took is written or dropped, or when
 * nothing came for longer than a block may wait (on `lo` and `any` the kernel also counts copies that are left out).
 */
async function drain(
  pid: number,
  look: () => { counters: TcpdumpCounters | undefined; reports: number; ended: boolean },
): Promise<void> {
  const tcpdump = await lastDescendant(pid);
  if (tcpdump === undefined) return;
  const before = look().reports;
  let captured = -1;
  let changedAt = systemClock.monotonicMs();
  try {
    await pollUntil(
      () => {
        const { counters, reports, ended } = look();
        if (ended) return Promise.resolve({ ready: true });
        if (reports > before && counters !== undefined) {
          if (counters.captured + (counters.drops ?? 0) >= counters.received) return Promise.resolve({ ready: true });
          const now = systemClock.monotonicMs();
          if (counters.captured !== captured) changedAt = now;
          captured = counters.captured;
          if (now - changedAt > 1.2 * blockTimeoutMs) return Promise.resolve({ ready: true });
        }
        askForCounters(tcpdump);
        return Promise.resolve({ pending: 'packets are on their way' });
      },
      { what: 'tcpdump to write the last packets', timeoutMs: drainTimeoutMs, intervalMs: 50 },
    );
  } catch (error) {
    // Traffic goes on: the capture ends somewhere, as it must.
    if (!(error instanceof MeshproofError) || error.code !== 'MESHPROOF_TIMEOUT') throw error;
  }
}

function askForCounters(tcpdump: number): void {
  try {
    process.kill(tcpdump, 'SIGUSR1');
  } catch {
    // It has just died: seen as its end, in the next look.
  }
}

async function result(
  file: string,
  counters: TcpdumpCounters | undefined,
  early: { exitCode: number | undefined; signal: string | undefined; stderr: string } | undefined,
  killed: boolean,
): Promise<CaptureResult> {
  const problems: string[] = [];
  if (early !== undefined) {
    const how = early.signal ?? `exit code ${early.exitCode}`;
    problems.push(`tcpdump ended by itself (${how}): ${lastWords(early.stderr)}`);
  } else if (killed) problems.push('tcpdump did not end when asked and was killed');
  const bytes = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  if (bytes === undefined) problems.push('tcpdump wrote no file');
  else if (bytes < 24) problems.push(`tcpdump wrote nothing: ${bytes} bytes`);
  if (counters?.drops === undefined) problems.push('tcpdump did not report its counters');
  else if (counters.captured === 0) problems.push('tcpdump captured no packets');
  if ((counters?.drops ?? 0) > 0) problems.push(`kernel dropped ${counters?.drops} packets`);
  return {
    file,
    packetsCaptured: counters?.captured ?? 0,
    packetsReceived: counters?.received ?? 0,
    kernelDrops: counters?.drops ?? 0,
    problems,
  };
}

/** Its last words, without the counters: an error of libpcap may take two lines. */
function lastWords(stderr: string): string {
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
