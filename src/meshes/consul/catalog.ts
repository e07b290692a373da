import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { ConsulApi } from './api.ts';
import { authMethod } from './names.ts';

/** An instance as registered with the server's agent. */
export interface Instance {
  ID: string;
  Service: string;
  Kind?: string;
  Port: number;
  Meta?: Record<string, string>;
  TaggedAddresses?: Record<string, { Address: string; Port: number }>;
}

interface Check {
  ServiceID: string;
  Name: string;
  Status: 'passing' | 'warning' | 'critical';
  Output: string;
}

export async function instances(api: ConsulApi): Promise<Instance[]> {
  return Object.values((await api.get<Record<string, Instance>>('/v1/agent/services')) ?? {});
}

/** Services that can be called by their ClusterIP. */
export function callableServices(all: readonly Instance[]): Set<string> {
  return new Set(all.filter((one) => !one.Kind && one.TaggedAddresses?.virtual).map((one) => one.Service));
}

/** Failing checks by instance id. */
export async function failingChecks(api: ConsulApi): Promise<Map<string, string>> {
  const checks = Object.values((await api.get<Record<string, Check>>('/v1/agent/checks')) ?? {});
  return new Map(
    checks
      .filter(({ Status }) => Status !== 'passing')
      .map(({ ServiceID, Name, Output }) => [
        ServiceID,
        `${Name}: ${Output.trim().slice(0, 160) || 'not checked yet'}`,
      ]),
  );
}

/**
 * Takes out instances and tokens of pods that are gone. A pod that is deleted does this itself; one that is killed, or
 * whose node is lost, does not, and Consul's own clean-up takes a minute.
 *
 * @returns ids of the instances taken out
 */
export async function reconcile(api: ConsulApi, kube: KubeClient): Promise<string[]> {
  // Read before the pods are: what registers in between belongs to a pod that is on the list.
  const registered = await instances(api);
  const tokens =
    (await api.get<{ AccessorID: string; Description: string }[]>(`/v1/acl/tokens?authmethod=${authMethod}`)) ?? [];
  const alive = new Set((await kube.list<KubeObject>('/api/v1/pods')).map((pod) => pod.metadata.uid));
  const stale = registered.filter(({ Kind, Meta }) => !Kind && Meta?.['pod-uid'] && !alive.has(Meta['pod-uid']));
  for (const { ID } of stale) await api.put(`/v1/agent/service/deregister/${encodeURIComponent(ID)}`);
  for (const { AccessorID, Description } of tokens) {
    const uid = /"pod-uid":"([^"]+)"/.exec(Description)?.[1];
    if (uid !== undefined && !alive.has(uid)) await api.delete(`/v1/acl/token/${AccessorID}`);
  }
  return stale.map(({ ID }) => ID);
}
