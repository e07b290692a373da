import { messageOf } from '../base/errors.ts';

const deadlineMs = 3000;

/**
 * What testcontainers finds of a Docker engine, in words. Imported when asked: it takes 0.3 s to load. Its own probing
 * has no deadline, and its error drops the reasons.
 */
export async function detectDocker(timeoutMs = deadlineMs): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no Docker engine answered within ${timeoutMs} ms`), timeoutMs);
  });
  try {
    return await Promise.race([describeEngine(), late]);
  } catch (error) {
    return `no Docker engine can be reached (${messageOf(error)})`;
  } finally {
    clearTimeout(timer);
  }
}

async function describeEngine(): Promise<string> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  const client = await getContainerRuntimeClient();
  const { serverVersion, operatingSystem } = client.info.containerRuntime;
  return `a Docker engine is there (${serverVersion} on ${operatingSystem})`;
}
