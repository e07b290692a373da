import type { LoadSample } from './load.ts';

/**
 * Samples from the lines that fixtures/k6/meshproof.ts writes: `id,target,startMs,durationMs,status,errorCode,ok[,lateMs]`;
 * the first line is `start,<epoch ms>`. A line that k6 was killed over is left out: the count against k6's summary shows it.
 */
export function parseSamples(text: string, idPrefix: string, targets: readonly { name: string }[]): LoadSample[] {
  const samples: LoadSample[] = [];
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from);
    if (end === -1) break;
    const fields = text.slice(from, end).split(',');
    from = end + 1;
    const [id, target, startedAt, durationMs, status, errorCode, ok, lateMs] = fields;
    const name = targets[Number(target)]?.name;
    if ((fields.length !== 7 && fields.length !== 8) || name === undefined || Number.isNaN(Number(startedAt))) continue;
    samples.push({
      requestId: `${idPrefix}-${id}`,
      startedAt: Number(startedAt),
      durationMs: Number(durationMs),
      status: Number(status),
      errorCode: Number(errorCode),
      target: name,
      ok: ok === '1',
      ...(lateMs !== undefined && { lateMs: Number(lateMs) }),
    });
  }
  return samples;
}
