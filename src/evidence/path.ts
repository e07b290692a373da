/** A file that backs an assertion, path relative to the run's folder. */
export type EvidencePath = string;
