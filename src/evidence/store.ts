import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoryReader, type EvidenceReader } from './reader.ts';
import type { EvidencePath } from './path.ts';
import { writeEvidence, writeEvidenceLines, writeEvidenceText } from './files.ts';
import { knownSecrets, type KnownSecrets } from './known-secrets.ts';

/** Where a run keeps what backs its assertions: files below `evidence/`, written once, with secrets taken out of text. */
export interface Evidence {
  /** Absolute path of the run's folder. */
  readonly runDir: string;
  readonly reader: EvidenceReader;
  /** Not to be in any evidence from now on, in whatever form; for `writeReport` too. */
  readonly secrets: KnownSecrets;
  addSecret(value: string): void;
  /** `evidence/<scenario>/<arm>/<name>`; text is redacted. Returns the path that assertions name. */
  text(path: EvidencePath, content: string): Promise<EvidencePath>;
  json(path: EvidencePath, value: unknown): Promise<EvidencePath>;
  /** One JSON value a line, gzipped when the name says so. */
  ndjson(path: EvidencePath, values: Iterable<unknown> | AsyncIterable<unknown>): Promise<EvidencePath>;
  /** Text as it comes (logs), line by line, gzipped when the name says so. */
  log(path: EvidencePath, pieces: AsyncIterable<string | Uint8Array>): Promise<EvidencePath>;
  /** Absolute path for a program that writes the file itself (tcpdump); its folder exists. */
  file(path: EvidencePath): Promise<string>;
  /**
   * Makes room for a second try of a scenario: what the first one left goes to `evidence/<scenario>/first-try/`.
   *
   * @returns where a file of the first try is now
   */
  setAside(scenario: string): Promise<(path: EvidencePath) => EvidencePath>;
}

/** Path of a piece of evidence of one arm. */
export function evidencePath(scenario: string, arm: string, name: string): EvidencePath {
  return `evidence/${scenario}/${arm}/${name}`;
}

/**
 * Evidence of one run, below `runDir`.
 *
 * @param options.secrets those of this process unless others are given
 */
export async function openEvidence(
  runDir: string,
  { secrets = knownSecrets }: { secrets?: KnownSecrets | undefined } = {},
): Promise<Evidence> {
  await mkdir(runDir, { recursive: true });
  return {
    runDir,
    reader: directoryReader(runDir),
    secrets,
    addSecret: (value) => void secrets.add(value),
    text: (path, content) => writeEvidence(runDir, path, content, { secrets }),
    json: (path, value) => writeEvidence(runDir, path, value as object, { secrets }),
    ndjson: (path, values) => writeEvidenceLines(runDir, path, values, { secrets }),
    log: (path, pieces) => writeEvidenceText(runDir, path, pieces, { secrets }),
    file: async (path) => {
      const absolute = join(runDir, path);
      await mkdir(dirname(absolute), { recursive: true });
      return absolute;
    },
    setAside: async (scenario) => {
      const folder = join(runDir, 'evidence', scenario);
      const aside = `${folder}.first-try`;
      await rename(folder, aside);
      await mkdir(folder);
      await rename(aside, join(folder, 'first-try'));
      return (path) => path.replace(`evidence/${scenario}/`, evidencePath(scenario, 'first-try', ''));
    },
  };
}
