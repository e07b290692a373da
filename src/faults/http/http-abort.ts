import { z } from 'zod';
import { percent } from '../injectors/point/envoy-config.ts';
import { defineHttpFault } from './http-fault.ts';

/** The server answers a share of its requests with an error status, before the app sees them. */
export const httpAbort = defineHttpFault({
  kind: 'http-abort',
  title: 'Answers a share of requests with an error status',
  fields: { status: z.number().int().min(400).max(599).default(503) },
  effect: 'abort',
  envoyFault: (spec, percentage) => ({ abort: { http_status: spec.status, percentage: percent(percentage) } }),
  asked: (spec) => ({ percentage: spec.percentage, status: spec.status, pathPrefix: spec.pathPrefix ?? '/' }),
  holdsMs: () => 0,
  measure(spec, entries, calibration) {
    const problems: string[] = [];
    const wrong = entries.filter(
      (entry) => entry.injected === 'abort' && entry.status !== spec.status && !entry.cancelled,
    );
    if (wrong.length > 0)
      problems.push(`${wrong.length} aborted requests got status ${wrong[0]?.status}, not ${spec.status}`);
    if (!calibration.on.some((entry) => entry.injected === 'abort' && entry.status === spec.status)) {
      problems.push(`no calibration request was answered with ${spec.status}`);
    }
    if (calibration.off.some((entry) => entry.injected))
      problems.push('a calibration request was aborted before the fault was on');
    return { measured: { status: spec.status }, problems };
  },
});
