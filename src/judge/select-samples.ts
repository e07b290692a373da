import { hostTime } from '../base/host-time.ts';
import { within, type Window } from '../base/window.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { type LoadSample } from '../load/load.ts';

/** Some of the requests of a `load.ndjson[.gz]` (one LoadSample a line): those that started in the window. */
export interface LoadSelection {
  load: EvidencePath;
  window?: Window | undefined;
  /** Name of a LoadTarget. */
  target?: string | undefined;
  /** Fewer requests than this allow no conclusion; default 1. */
  minRequests?: number | undefined;
}

/** Reads the selected samples. */
export async function selectSamples(selection: LoadSelection, evidence: EvidenceReader): Promise<LoadSample[]> {
  const samples: LoadSample[] = [];
  for await (const sample of evidence.ndjson<LoadSample>(selection.load)) {
    const wanted = selection.target === undefined || sample.target === selection.target;
    if (wanted && within(selection.window, hostTime(sample))) samples.push(sample);
  }
  return samples;
}
