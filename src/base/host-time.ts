/** When something began by the clock of its pod. */
export interface Stamped {
  /** Epoch ms by the clock of the pod; `hostTime` says when that was by ours. */
  startedAt: number;
  /** How far that clock was ahead of ours, as measured; absent: not by more than the error of the measurement. */
  clockAheadMs?: number | undefined;
}

/** When it began by the clock that windows are told in: this machine's. */
export function hostTime({ startedAt, clockAheadMs = 0 }: Stamped): number {
  return startedAt - clockAheadMs;
}
