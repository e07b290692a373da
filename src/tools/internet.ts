import { messageOf } from '../base/errors.ts';

export interface Internet {
  reachable: boolean;
  /** For doctor and for the reasons of a failed look-up. */
  reason: string;
}

/**
 * Asks one release host for one small file. Decides within `timeoutMs`, and only believes the file it expects: a
 * captive portal or a proxy's error page also answers 200.
 */
export async function probeInternet(options: {
  url: string;
  expect: string;
  timeoutMs: number;
  signal?: AbortSignal;
}): Promise<Internet> {
  const { host } = new URL(options.url);
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  try {
    const response = await fetch(options.url, { signal, headers: { range: 'bytes=0-1023' } });
    const body = (await response.text()).slice(0, 1024);
    if (!response.ok) return { reachable: false, reason: `${host} answered ${response.status}` };
    if (!new RegExp(options.expect).test(body)) {
      return { reachable: false, reason: `${host} answered with something else than its release file` };
    }
    return { reachable: true, reason: `${host} answered` };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (deadline.aborted) return { reachable: false, reason: `${host} did not answer within ${options.timeoutMs} ms` };
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    return { reachable: false, reason: `${host} cannot be reached: ${cause}` };
  }
}
