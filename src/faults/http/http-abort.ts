import type { HttpAbortFault } from '../fault.ts';
import { invalidFault, validateHttpFault, type HttpFaultKind } from './http-fault.ts';
import { percent } from '../injectors/point/envoy-config.ts';

/** The server answers a share of its requests with an error status, before the app sees them. */
export const httpAbort: HttpFaultKind<HttpAbortFault> = {
  kind: 'http-abort',
  validate(spec) {
    validateHttpFault(spec);
    if (!Number.isInteger(spec.status) || spec.status < 200 || spec.status > 599) {
      throw invalidFault(spec, `status ${spec.status} is not an HTTP status in 200..599`, 'Use e.g. 503.');
    }
  },
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
};
