import { MeshproofError } from '../base/errors.ts';
import type { AppCommand } from '../apps/app.ts';
import type { RunContext } from './context.ts';
import type { Lab } from '../lab/lab.ts';

/** Runs a command of the app file; nothing happens when its service is gone. */
async function runAppCommand(lab: Lab, namespace: string, { service, command }: AppCommand): Promise<void> {
  const [pod] = await lab.readyPods(service, namespace);
  if (pod === undefined) return;
  const { container } = lab.serviceNamed(service);
  const { exitCode, stdout, stderr } = await lab.kube.exec(pod, [...command], { container, timeoutMs: 20_000 });
  if (exitCode !== 0) {
    throw new MeshproofError(
      'MESHPROOF_WORKLOAD_NOT_READY',
      `A command of the app file failed in ${namespace}/${pod.name}: ${(stderr || stdout).trim()}`,
      `Look at the log of ${service}.`,
    );
  }
}

/** Ends the connections that the services keep: they open new ones, which a running capture sees from the start. */
export async function reconnectClients(lab: Lab, namespace: string): Promise<void> {
  if (lab.app.reconnect !== undefined) await runAppCommand(lab, namespace, lab.app.reconnect);
}

export interface ChangedAnswer extends AsyncDisposable {
  restore(): Promise<void>;
}

/** Changes one answer of the unmeshed app, for a control that must notice; put back on disposal. */
export async function changeOneRow(context: RunContext): Promise<ChangedAnswer> {
  const { lab, undo } = context;
  const { change } = lab.app;
  if (change === undefined) throw new TypeError(`${lab.app.id} says no change`);
  const namespace = lab.namespaces.plain;
  const entry = await undo.register('one changed answer of the unmeshed app', () =>
    runAppCommand(lab, namespace, change.undo),
  );
  await runAppCommand(lab, namespace, change.do);
  return { restore: () => entry.run(), [Symbol.asyncDispose]: () => entry.run() };
}
