import type { AppCommand, RunningApp } from '../apps/app.ts';
import { MeshproofError } from '../base/errors.ts';
import type { KubeClient } from '../kube/types.ts';

/** Runs a command of the app file in the first ready pod of its service. @throws MeshproofError MESHPROOF_WORKLOAD_NOT_READY */
export async function runAppCommand(
  kube: KubeClient,
  app: Pick<RunningApp, 'app' | 'namespace' | 'pods'>,
  { service, command }: AppCommand,
): Promise<string> {
  const failed = (what: string): MeshproofError =>
    new MeshproofError(
      'MESHPROOF_WORKLOAD_NOT_READY',
      `the command of the app file for ${service} in ${app.namespace} failed: ${what}`,
      `Look at the log of its pod; the command is ${JSON.stringify(command)}.`,
    );
  const [pod] = await app.pods(service);
  if (pod === undefined) throw failed('no pod of it is ready');
  const container = app.app.services.find(({ name }) => name === service)?.container ?? service;
  const { exitCode, stdout, stderr } = await kube.exec(pod, [...command], { container, timeoutMs: 20_000 });
  if (exitCode !== 0) throw failed((stderr || stdout).trim());
  return stdout;
}
