import { unmet } from '../../kube/selector.ts';
import { askedBy, type Injector, type InjectorWebhook } from './found.ts';

type Labels = Readonly<Record<string, string>>;

/** Where pods are made: what its webhooks' selectors are held against. */
export interface Place {
  /** Of the namespace. */
  name: string;
  labels: Labels;
}

/** Pure: whose webhooks the API server asks for a pod with these labels; more than one: whichever comes first puts the sidecar in. */
export function takenBy(injectors: readonly Injector[], place: Place, pod: Labels = {}): Injector[] {
  return injectors.filter(({ webhooks }) => webhooks.some((webhook) => missed(webhook, place, pod) === undefined));
}

/**
 * Pure: why pods of a namespace would not come up with the sidecar of a revision; undefined: they would. Nobody says so when it
 * happens.
 */
export function injectionTrouble(
  injectors: readonly Injector[],
  { revision, place, pod = {} }: { revision: string; place: Place; pod?: Labels },
): string | undefined {
  const taken = takenBy(injectors, place, pod);
  const other = taken.find((injector) => injector.revision !== revision);
  if (other !== undefined)
    return `the injector of revision ${other.revision} takes its pods (webhook ${other.name}), not that of ${revision}`;
  if (taken.length > 0) return undefined;
  const missing = injectors
    .filter((injector) => injector.revision === revision)
    .flatMap(({ name, webhooks }) => {
      const wants = webhooks.map((webhook) => missed(webhook, place, pod)).filter((each) => each !== undefined);
      return wants.length === 0 ? [] : [`${name} wants ${[...new Set(wants)].join(', or ')}`];
    });
  return `no webhook of revision ${revision} takes its pods: ${missing.join('; ') || 'there is none'}`;
}

/** Pure: webhooks that ask an istiod which is not there: pods that they take are refused, or come up without a sidecar. */
export function dangling(injectors: readonly Injector[], revisions: readonly string[]): string[] {
  return injectors
    .filter(({ revision, asks }) => !('url' in asks) && !revisions.includes(revision))
    .map((injector) => `webhook ${injector.name} asks ${askedBy(injector)}`);
}

function missed(
  { namespaceSelector, objectSelector }: InjectorWebhook,
  { name, labels }: Place,
  pod: Labels,
): string | undefined {
  return (
    // The API server puts this label on every namespace.
    unmet(namespaceSelector ?? {}, { ...labels, 'kubernetes.io/metadata.name': name }) ??
    unmet(objectSelector ?? {}, pod)
  );
}
