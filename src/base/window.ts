/** Half-open window of wall-clock time, ms since the epoch: `toMs` does not belong to it. */
export interface Window {
  fromMs: number;
  toMs: number;
}

/** No window holds every moment. */
export function within(window: Window | undefined, at: number): boolean {
  return window === undefined || (at >= window.fromMs && at < window.toMs);
}
