import type { Readable } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import { readPcap, type PcapPacket } from './pcap-reader.ts';
import { lastWords, startTcpdump, type TcpdumpOptions } from './start-tcpdump.ts';

export interface LiveCaptureOptions extends TcpdumpOptions {
  /** Each packet, at most a second after it passed: the kernel hands them over in blocks. Valid only during the call. */
  onPacket: (packet: PcapPacket) => void;
}

export interface LiveCapture extends AsyncDisposable {
  /** Why something may have been missed; empty: nothing. */
  problems(): string[];
}

/**
 * Packets of a pod as they pass; nothing is written to disk. A tcpdump whose reader was killed ends at its next packet.
 *
 * @throws as startTcpdump
 */
export async function startLiveCapture({ onPacket, ...options }: LiveCaptureOptions): Promise<LiveCapture> {
  const where = `${options.pod.namespace}/${options.pod.name}`;
  const problems: string[] = [];
  let reading: Promise<void> = Promise.resolve();
  let stopped = false;
  const onStdout = (stdout: Readable): void => {
    reading = readPcap(stdout as AsyncIterable<Uint8Array>, { onPacket }).then(
      () => {},
      // A tcpdump that ended before its first packet has written nothing, which is no news.
      (error: unknown) => void (stopped || problems.push(`${where}: ${messageOf(error)}`)),
    );
  };
  const { command, look } = await startTcpdump({ ...options, file: '-', onStdout });
  void command.ended.then(({ stderr }) => {
    if (!stopped) problems.push(`${where}: its capture ended by itself: ${lastWords(stderr)}`);
  });
  return {
    problems: () => {
      const { drops = 0 } = look().counters ?? {};
      return drops > 0 ? [...problems, `${where}: the kernel dropped ${drops} packets`] : [...problems];
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      await command.stop();
      await reading;
    },
  };
}
