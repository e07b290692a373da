import type { LoadSample } from './load.ts';

/**
 * A sample from a line that fixtures/k6/meshproof.ts writes: `id,target,startMs,durationMs,status,errorCode,ok,lateMs`;
 * users' own scripts may leave the last one out.
 * Undefined for any other line: the first is `start,<epoch ms>`. What is lost shows in the count against k6's summary.
 */
export function toSample(line: string, idPrefix: string, targets: readonly { name: string }[]): LoadSample | undefined {
  const fields = line.split(',');
  const [id, target, startedAt, durationMs, status, errorCode, ok, lateMs] = fields;
  const name = targets[Number(target)]?.name;
  if ((fields.length !== 7 && fields.length !== 8) || name === undefined || Number.isNaN(Number(startedAt)))
    return undefined;
  return {
    requestId: `${idPrefix}-${id}`,
    startedAt: Number(startedAt),
    durationMs: Number(durationMs),
    status: Number(status),
    errorCode: Number(errorCode),
    target: name,
    ok: ok === '1',
    ...(lateMs !== undefined && { lateMs: Number(lateMs) }),
  };
}

/** Which arrival of the load it belongs to. */
export function iterationOf({ requestId }: Pick<LoadSample, 'requestId'>): number {
  return Math.floor(Number(requestId.slice(requestId.lastIndexOf('-') + 1)));
}
