import type { RunningApp } from '../apps/app.ts';
import type { Answers } from '../judge/rules/state-rules.ts';
import { probePod } from '../lab/app-pods.ts';
import { runProbe } from '../lab/ask-in-pod.ts';
import type { RunContext } from './context.ts';

/** Every service's data call, asked from within the app's namespace by its own names. */
export async function askEverything(context: RunContext, { app, namespace }: RunningApp): Promise<Answers> {
  const { lab, signal } = context;
  const ask = app.services.flatMap(({ name, port, call }) =>
    call === undefined
      ? []
      : [
          {
            name: `${call.method} ${name}${call.path}`,
            method: call.method,
            url: serviceUrl({ name, port }, namespace, call.path),
            headers: call.headers ?? {},
            ...(call.body !== undefined && { body: call.body }),
          },
        ],
  );
  return runProbe<Answers>(lab.kube, await probePod(lab.kube, namespace), { ask }, signal);
}

/** As a client in the cluster calls it; port 80 is not written out, as browsers do not. */
export function serviceUrl(service: { name: string; port: number }, namespace: string, path: string): string {
  return `http://${service.name}.${namespace}${service.port === 80 ? '' : `:${service.port}`}${path}`;
}
