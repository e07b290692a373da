/** Started on a file system of 1 MiB: writes more than that in every way evidence is written, and prints how each ended. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { toMeshproofError } from '../../../src/base/errors.ts';
import { openEvidence } from '../../../src/evidence/store.ts';
import { splitCapture } from '../../../src/observe/capture/split.ts';

const [dir = '', capture = ''] = process.argv.slice(2);
const noise = (): string => randomBytes(3000).toString('hex');
function* values(): Generator<object> {
  for (let n = 0; n < 2000; n++) yield { noise: noise() };
}
const evidence = await openEvidence(join(dir, 'run'));
const big = Array.from({ length: 2000 }, () => capture);
const edge = { sourceIps: ['10.9.0.1'], destinationIps: ['10.9.0.2'] };
const ways: Record<string, () => Promise<unknown>> = {
  text: () => evidence.text('evidence/file', Array.from({ length: 500 }, noise).join('\n')),
  json: () => evidence.json('evidence/file', [...values()]),
  ndjson: () => evidence.ndjson('evidence/file', values()),
  gzip: () => evidence.ndjson('evidence/file.gz', values()),
  capture: async () => splitCapture(big, await evidence.file('evidence/file.pcap'), edge),
};
const ended: object[] = [];
for (const [way, write] of Object.entries(ways)) {
  const started = performance.now();
  const code = await write().then(
    () => 'it was written',
    (error: unknown) => toMeshproofError(error).code,
  );
  const left = readdirSync(join(dir, 'run', 'evidence'));
  ended.push({ way, code, left, ms: performance.now() - started });
  rmSync(join(dir, 'run', 'evidence'), { recursive: true });
}
// That it was this small disk all the time, and that there is room again: what failed has not stayed behind.
await evidence.text('evidence/small', 'fits');
const text = readFileSync(join(dir, 'run/evidence/small'), 'utf8');
const { blocks, bsize } = statfsSync(dir);
process.stdout.write(JSON.stringify({ ended, text, bytes: blocks * bsize }));
