import { stat } from 'node:fs/promises';
import { MeshproofError } from '../../base/errors.ts';
import { systemClock } from '../../base/clock.ts';
import { pollUntil } from '../../base/poll.ts';
import { lastDescendant } from './process-tree.ts';
import { lastWords, startTcpdump, type TcpdumpLook, type TcpdumpOptions } from './start-tcpdump.ts';
import { readCounters, type TcpdumpCounters } from './tcpdump-argv.ts';

export interface CaptureOptions extends TcpdumpOptions {
  /** Where to write; must end in `.pcap`, since Debian's AppArmor profile lets tcpdump write nothing else. */
  file: string;
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
  const { file, signal } = options;
  const tcpdump = await startTcpdump(options);
  const { command } = tcpdump;

  const finish = async (): Promise<CaptureResult> => {
    signal.removeEventListener('abort', onAbort);
    if (!tcpdump.look().ended) await drain(command.pid, () => tcpdump.look());
    // Ended before it was asked, however late that is seen: dead processes are reported with a delay.
    let byItself = tcpdump.look().ended;
    const { killed } = await command.stop();
    const end = await command.ended;
    byItself ||= end.signal === 'SIGKILL' && !killed;
    let { counters } = tcpdump.look();
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
async function drain(pid: number, look: () => TcpdumpLook): Promise<void> {
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
