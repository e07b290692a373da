import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoryReader, type EvidenceReader } from './reader.ts';
import type { EvidencePath } from './path.ts';
import { writeEvidence, writeEvidenceLines } from './files.ts';

/** Where a run keeps what backs its assertions: files below `evidence/`, written once, with secrets taken out of text. */
export interface Evidence {
  /** Absolute path of the run's folder. */
  readonly runDir: string;
  readonly reader: EvidenceReader;
  /** `evidence/<scenario>/<arm>/<name>`; text is redacted. Returns the path that assertions name. */
  text(path: EvidencePath, content: string): Promise<EvidencePath>;
  json(path: EvidencePath, value: unknown): Promise<EvidencePath>;
  /** One JSON value a line, gzipped when the name says so. */
  ndjson(path: EvidencePath, values: Iterable<unknown>): Promise<EvidencePath>;
  /** Absolute path for a program that writes the file itself (tcpdump); its folder exists. */
  file(path: EvidencePath): Promise<string>;
}

/** Path of a piece of evidence of one arm. */
export function evidencePath(scenario: string, arm: string, name: string): EvidencePath {
  return `evidence/${scenario}/${arm}/${name}`;
}

/** Evidence of one run, below `runDir`. */
export async function openEvidence(runDir: string): Promise<Evidence> {
  await mkdir(runDir, { recursive: true });
  return {
    runDir,
    reader: directoryReader(runDir),
    text: (path, content) => writeEvidence(runDir, path, content),
    json: (path, value) => writeEvidence(runDir, path, value as object),
    ndjson: (path, values) => writeEvidenceLines(runDir, path, values),
    file: async (path) => {
      const absolute = join(runDir, path);
      await mkdir(dirname(absolute), { recursive: true });
      return absolute;
    },
  };
}
