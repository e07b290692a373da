import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MeshproofError } from '../base/errors.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import { probeContainer } from './client.ts';

const script = fileURLToPath(new URL('../../fixtures/probe/probe.mjs', import.meta.url));

/** Runs the probe script in a pod that has Node, as any client would: nothing of it is known to the services. */
export async function runProbe<T>(kube: KubeClient, pod: PodRef, input: unknown, signal: AbortSignal): Promise<T> {
  const code = await readFile(script, 'utf8');
  const result = await kube.exec(pod, ['node', '--input-type=module', '-e', code, '--', JSON.stringify(input)], {
    container: probeContainer,
    timeoutMs: 60_000,
    signal,
  });
  if (result.exitCode !== 0) {
    throw new MeshproofError(
      'MESHPROOF_WORKLOAD_NOT_READY',
      `The probe in ${pod.namespace}/${pod.name} failed: ${errorLine(result.stderr)}`,
      'The services it asks are in its error message; look at their pods.',
    );
  }
  return JSON.parse(result.stdout) as T;
}

/** Node's last line is its version: the error stands above its stack. */
function errorLine(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? '';
}
