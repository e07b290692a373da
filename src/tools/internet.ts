import { messageOf } from '../base/errors.ts';

export interface Internet {
  reachable: boolean;
  /** For doctor and for the reasons of a failed look-up. */
  reason: string;
}

interface Probe {
  url: string;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Asks one release host for one small file. Decides within `timeoutMs`, and only believes the file it expects: a
 * captive portal or a proxy's error page also answers 200.
 */
export async function probeInternet({ expect, ...probe }: Probe & { expect: string }): Promise<Internet> {
  return ask(probe, async (response) => {
    const body = (await response.text()).slice(0, 1024);
    if (!response.ok) return `answered ${response.status}`;
    return new RegExp(expect).test(body) ? undefined : 'answered with something else than its release file';
  });
}

/**
 * Asks an image registry for its version page, `https://HOST/v2/`, which one that wants a login answers with 401. Only the header
 * of its API is believed.
 */
export async function probeRegistry(probe: Probe): Promise<Internet> {
  return ask(probe, async (response) => {
    await response.body?.cancel();
    if (response.status !== 200 && response.status !== 401) return `answered ${response.status}`;
    const version = response.headers.get('docker-distribution-api-version') ?? '';
    return version.startsWith('registry/2') ? undefined : 'answered, and not as a registry of images does';
  });
}

/** @param wrong what is wrong with the answer, behind the name of the host; undefined: nothing */
async function ask(
  { url, timeoutMs, signal: stop }: Probe,
  wrong: (response: Response) => Promise<string | undefined>,
): Promise<Internet> {
  const { host } = new URL(url);
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = stop ? AbortSignal.any([deadline, stop]) : deadline;
  try {
    const problem = await wrong(await fetch(url, { signal, headers: { range: 'bytes=0-1023' } }));
    return { reachable: problem === undefined, reason: `${host} ${problem ?? 'answered'}` };
  } catch (error) {
    stop?.throwIfAborted();
    if (deadline.aborted) return { reachable: false, reason: `${host} did not answer within ${timeoutMs} ms` };
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    return { reachable: false, reason: `${host} cannot be reached: ${cause}` };
  }
}
