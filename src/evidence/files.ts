import { join, normalize } from 'node:path';
import { PassThrough, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { jsonText } from '../base/json-text.ts';
import { openWhole, writeWhole } from '../base/whole-file.ts';
import type { EvidencePath } from './path.ts';
import { redact, redactValue, type RedactOptions } from './redaction.ts';

/** `evidence/<scenario>/<arm>/<file>` below the run's folder, and nowhere else. */
function inside(runDir: string, path: EvidencePath): string {
  const normal = normalize(path);
  if (!normal.startsWith('evidence/')) throw new RangeError(`${path} is not an evidence path (evidence/…)`);
  return join(runDir, normal);
}

/**
 * Writes one piece of evidence without its secrets. Strings are text, bytes are written as they are (captures), anything
 * else becomes JSON; `.gz` is compressed.
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
        : `${jsonText(redactValue(content, options))}\n`;
  await writeWhole(inside(runDir, path), path.endsWith('.gz') ? gzipSync(body) : body);
  return path;
}

/** Same, one JSON value a line; `.gz` is compressed. */
export async function writeEvidenceLines(
  runDir: string,
  path: EvidencePath,
  values: Iterable<unknown> | AsyncIterable<unknown>,
  options: RedactOptions = {},
): Promise<EvidencePath> {
  const lines = async function* (): AsyncGenerator<string> {
    for await (const value of values) yield `${JSON.stringify(redactValue(value, options))}\n`;
  };
  return stream(runDir, path, lines());
}

/**
 * Same, text that comes in pieces (logs, NDJSON); `.gz` is compressed. A private key is cut out over lines; other secrets
 * are found within a line.
 */
export async function writeEvidenceText(
  runDir: string,
  path: EvidencePath,
  pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  options: RedactOptions = {},
): Promise<EvidencePath> {
  return stream(runDir, path, Readable.from(pieces).compose(lineCleaner(options)));
}

async function stream(
  runDir: string,
  path: EvidencePath,
  pieces: AsyncIterable<string | Uint8Array>,
): Promise<EvidencePath> {
  await using file = await openWhole(inside(runDir, path));
  const compress = path.endsWith('.gz') ? createGzip() : new PassThrough();
  // What the file has to say about a failure comes from its commit.
  await pipeline(pieces, compress, file.stream).catch((error: unknown) => {
    if (!file.stream.errored) throw error;
  });
  await file.commit();
  return path;
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
