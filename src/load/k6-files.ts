import { text } from 'node:stream/consumers';
import { completeLines } from '../base/complete-lines.ts';
import type { LoadSample } from './load.ts';
import { toSample } from './samples.ts';

/** What the load container (load.sh) leaves in a load's folder, complete once it has said `exited` of it. */
export const k6Files = { samples: 'samples.csv', summary: 'summary.json', output: 'tail.txt' } as const;

/** What one k6 process left. */
export interface K6Files {
  /** Undefined when the container ended without saying so. */
  exitCode: number | undefined;
  samples: LoadSample[];
  /** k6's own end-of-test summary, JSON; empty when it wrote none. */
  summary: string;
  /** Last lines of k6's output. */
  output: string;
}

/** Reads a file of the load's folder: hands its bytes to `consume` and gives what that made of them. */
export type FileReader = <T>(name: string, consume: (bytes: AsyncIterable<Buffer>) => Promise<T>) => Promise<T>;

/** @throws what `read` throws */
export async function readK6Files(
  read: FileReader,
  { idPrefix, targets }: { idPrefix: string; targets: readonly { name: string }[] },
): Promise<Omit<K6Files, 'exitCode'>> {
  const samples = await read(k6Files.samples, async (bytes) => {
    const found: LoadSample[] = [];
    for await (const line of completeLines(bytes)) {
      const sample = toSample(line, idPrefix, targets);
      if (sample) found.push(sample);
    }
    return found;
  });
  return { samples, summary: await read(k6Files.summary, text), output: await read(k6Files.output, text) };
}
