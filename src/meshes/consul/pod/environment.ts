import { messageOf } from '../../../base/errors.ts';

/** @throws Error naming the variable that the pod's manifest does not set. */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}

/** A template of JSON or text with each `${NAME}` replaced; a name nobody knows is an error, not an empty string. */
export function filledIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`there is no ${name} to fill in`);
    return value;
  });
}

/** Again and again until it works. The pod's manifest and kubelet decide what comes of a pod that gives up. */
export async function insistently<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`${what}: ${messageOf(error)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
