import type { Answers } from '../judge/rules/state-rules.ts';
import type { RunContext } from './context.ts';
import { runProbe } from './in-pod.ts';

/** Every service's data call, asked from within a namespace by its own names. */
export async function askEverything(context: RunContext, namespace: string): Promise<Answers> {
  const { lab, signal } = context;
  const calls = lab.app.services.flatMap(({ name, call }) => (call === undefined ? [] : [[name, call] as const]));
  const ask = calls.map(([service, call]) => ({
    name: `${call.method} ${service}${call.path}`,
    method: call.method,
    url: `http://${service}.${namespace}${call.path}`,
    headers: call.headers ?? {},
    ...(call.body !== undefined && { body: call.body }),
  }));
  return runProbe<Answers>(lab.kube, await lab.probePod(namespace), { ask }, signal);
}
