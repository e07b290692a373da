import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';
import { messageOf } from '../base/errors.ts';
import { proveWires, type WireOptions } from '../observe/capture/prove-wire.ts';
import type { WireEdge, WireProof } from '../observe/capture/wire.ts';
import type { EvidencePath } from './path.ts';

/** All a rule may look at: files of one run's folder. */
export interface EvidenceReader {
  /** Absolute path, for readers that stream a file themselves (captures). */
  file(path: EvidencePath): string;
  /** `.gz` is unpacked. @throws Error naming the file when it is missing, damaged or not JSON. */
  json<T>(path: EvidencePath): Promise<T>;
  /** One JSON value per line; `.gz` is unpacked on the way. */
  ndjson<T>(path: EvidencePath): AsyncIterable<T>;
  /** Proves the edges of a capture again. */
  wires(path: EvidencePath, edges: WireEdge[], options: WireOptions): Promise<WireProof[]>;
}

/** Reads evidence below a run's folder, and nothing outside it. */
export function directoryReader(runDir: string): EvidenceReader {
  const file = (path: EvidencePath): string => {
    const inside = normalize(path);
    if (inside.startsWith('..') || inside.startsWith('/'))
      throw new EvidenceError(`${path} is outside the run's folder`);
    return join(runDir, inside);
  };
  return {
    file,
    json: async <T>(path: EvidencePath) => {
      try {
        return parse<T>(textOf(path, await readFile(file(path))), path);
      } catch (error) {
        throw error instanceof EvidenceError ? error : unreadable(path, error);
      }
    },
    ndjson: (path) => readLines(file(path), path),
    wires: (path, edges, options) => proveWires(file(path), edges, options),
  };
}

/** Text of a file of a run; `.gz` is unpacked. @throws Error when it cannot be */
export function textOf(path: string, bytes: Buffer): string {
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

async function* readLines<T>(absolute: string, path: EvidencePath): AsyncGenerator<T> {
  const stream = path.endsWith('.gz') ? createReadStream(absolute).compose(createGunzip()) : createReadStream(absolute);
  let rest = '';
  let number = 0;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        number++;
        if (line !== '') yield parse<T>(line, `${path}:${number}`);
      }
    }
  } catch (error) {
    if (error instanceof EvidenceError) throw error;
    throw unreadable(path, error);
  }
  if (rest !== '') yield parse<T>(rest, `${path}:${number + 1}`);
}

/** Evidence that is missing or damaged; the message names the file. */
export class EvidenceError extends Error {}

function unreadable(path: EvidencePath, error: unknown): EvidenceError {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new EvidenceError(`evidence ${path} is missing`);
  return new EvidenceError(`evidence ${path} cannot be read: ${messageOf(error)}`);
}

function parse<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new EvidenceError(`evidence ${where} is not JSON`);
  }
}
