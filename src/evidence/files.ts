import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pipeline, Transform, type Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { EvidencePath } from './path.ts';
import { redact, redactValue, type RedactOptions } from './redaction.ts';
import { writeWhole } from './write-file.ts';

/** `evidence/<scenario>/<arm>/<file>` below the run's folder, and nowhere else. */
function inside(runDir: string, path: EvidencePath): string {
  const normal = normalize(path);
  if (!normal.startsWith('evidence/')) throw new RangeError(`${path} is not an evidence path (evidence/…)`);
  return join(runDir, normal);
}

/**
 * Writes one piece of evidence without its secrets. Strings are text, bytes are written as they are (captures), anything
 * else becomes indented JSON.
 */
export async function writeEvidence(
  runDir: string,
  path: EvidencePath,
  content: string | Uint8Array | object,
  options: RedactOptions = {},
): Promise<EvidencePath> {
  const body =
    typeof content === 'string'
      ? redact(content, options)
      : content instanceof Uint8Array
        ? content
        : `${JSON.stringify(redactValue(content, options), undefined, 2)}\n`;
  await writeWhole(inside(runDir, path), body);
  return path;
}

/** Same, one JSON value a line; `.gz` is compressed. */
export async function writeEvidenceLines(
  runDir: string,
  path: EvidencePath,
  values: Iterable<unknown> | AsyncIterable<unknown>,
  options: RedactOptions = {},
): Promise<EvidencePath> {
  const stream = evidenceStream(runDir, path, options);
  for await (const value of values) {
    if (!stream.write(`${JSON.stringify(redactValue(value, options))}\n`)) {
      await new Promise((resolve) => stream.once('drain', resolve));
    }
  }
  await closed(stream);
  return path;
}

/**
 * A stream of text lines without their secrets (logs, NDJSON); `.gz` is compressed. A private key is cut out over lines;
 * other secrets are found within a line. `closed` tells when the file is whole.
 */
export function evidenceStream(runDir: string, path: EvidencePath, options: RedactOptions = {}): Writable {
  const file = inside(runDir, path);
  mkdirSync(dirname(file), { recursive: true });
  const cleaner = lineCleaner(options);
  const out = createWriteStream(file);
  const done = new Promise<void>((resolve, reject) => {
    const ended = (error: Error | null | undefined): void => (error ? reject(error) : resolve());
    if (path.endsWith('.gz')) pipeline(cleaner, createGzip(), out, ended);
    else pipeline(cleaner, out, ended);
  });
  done.catch(() => {});
  completions.set(cleaner, done);
  return cleaner;
}

const completions = new WeakMap<Writable, Promise<void>>();

/** Ends the stream; resolves when every byte is in the file, rejects if it could not be written. */
export async function closed(stream: Writable): Promise<void> {
  stream.end();
  await completions.get(stream);
}

function lineCleaner(options: RedactOptions): Transform {
  let rest = '';
  let inKey = false;
  const decoder = new TextDecoder();
  const clean = (line: string): string => {
    if (inKey) {
      if (!/-----END [A-Z0-9 ]*PRIVATE KEY-----/.test(line)) return '';
      inKey = false;
      return redact(line.replace(/^.*?-----END [A-Z0-9 ]*PRIVATE KEY-----/, ''), options) + '\n';
    }
    const cleaned = redact(line, options);
    inKey = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?![\s\S]*-----END )/.test(line);
    return `${cleaned}\n`;
  };
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      done(null, lines.map(clean).join(''));
    },
    flush(done) {
      done(null, rest === '' || inKey ? '' : clean(rest));
    },
  });
}
