import { isDeepStrictEqual } from 'node:util';
import pLimit from 'p-limit';
import { MeshproofError, messageOf } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import { pollUntil } from '../base/poll.ts';
import { isHttpStatus } from '../kube/kube-api-error.ts';
import type { Policy } from '../policies/index.ts';
import type { AppliedPolicies, PolicyPlan, PolicyRollback } from './policy-plan.ts';
import type { Comparison } from './policy-renderer.ts';
import type { PolicyProxy, PolicyResource, PolicyTarget, ProxyLook } from './policy-target.ts';

/** Of one set of policies, from the first write until every proxy acts on it. Seen: 0.3 to 3 s. */
const propagationTimeoutMs = 30_000;
/** Proxies asked at a time. */
const atOnce = 6;

/** What these policies come down to, and what takes them back; nothing is written yet. */
export async function planPolicies(
  target: PolicyTarget,
  policies: readonly Policy[],
  signal: AbortSignal | undefined,
): Promise<PolicyPlan> {
  const [current, proxies] = await Promise.all([target.read(), target.proxies()]);
  const resources = target.render(policies, current, servicesOf(proxies));
  const rollback: PolicyRollback = {
    policies: policies as unknown as readonly Json[],
    // Taken away the other way round: what uses something goes before what allows it.
    resources: resources.map(({ id }) => ({ id, value: current.get(id) ?? null })).reverse(),
    proxies: await shown(proxies, policies),
  };
  const rendered = resources.map((resource) => target.toYaml(resource)).join('---\n');
  return {
    rendered,
    rollback,
    async apply(): Promise<AppliedPolicies> {
      try {
        for (const resource of resources) await target.write(resource);
        await waitForProxies(target, signal, (look) => lacking(look, policies));
      } catch (error) {
        // Half a set of policies is nobody's wish.
        await restorePolicies(target, rollback).catch((failed: unknown) => {
          throw new MeshproofError(
            'MESHPROOF_MESH_API',
            `${messageOf(error)}; and taking back what was written failed: ${messageOf(failed)}`,
            'The mesh may hold half a set of policies; `./bin/meshproof down` removes the lab.',
            { cause: error },
          );
        });
        throw error;
      }
      return { rendered, rollback, undo: () => restorePolicies(target, rollback) };
    },
  };
}

/**
 * Puts back what a plan found, and waits until every proxy that was there shows what it showed then. From data alone,
 * repeatable, and without a signal: taking back goes on after Ctrl-C and after --timeout.
 *
 * @throws MeshproofError MESHPROOF_MESH_NOT_READY when it does not hold within 30 s
 */
export async function restorePolicies(target: PolicyTarget, rollback: PolicyRollback): Promise<void> {
  const { resources, policies, proxies } = rollback;
  for (const resource of resources) await insist(target, resource);
  await waitForProxies(target, undefined, async (look, { podUid }) => {
    const before = proxies[podUid];
    for (const [index, policy] of (policies as unknown as Policy[]).entries()) {
      const was = before?.[index] ?? null;
      const now = was === null ? undefined : await look.compare(policy);
      if (now !== undefined && !isDeepStrictEqual(plain(now.has), plain(was)))
        return `it still has a policy that was taken back (${policy.kind})`;
    }
    return undefined;
  });
}

/**
 * Brings everything back to what it was before any policy but these, whatever was written in between.
 *
 * @param baseline the policies a lab begins with: who may call whom
 * @throws as restorePolicies
 */
export async function resetPolicies(target: PolicyTarget, baseline: readonly Policy[]): Promise<void> {
  const [current, proxies] = await Promise.all([target.read(), target.proxies()]);
  const bare = target.pristine(current);
  // What else was read is as it is: policies are rendered from it too.
  const start = new Map(current);
  for (const { id, value } of bare) {
    if (value === null) start.delete(id);
    else start.set(id, value);
  }
  const wanted = target.render(baseline, start, servicesOf(proxies));
  const rendered = new Set(wanted.map(({ id }) => id));
  for (const resource of [...bare.filter(({ id }) => !rendered.has(id)), ...wanted]) {
    if (!isDeepStrictEqual(plain(current.get(resource.id) ?? null), plain(resource.value)))
      await insist(target, resource);
  }
  await waitForProxies(target, undefined, async (look) => (await lacking(look, baseline)) ?? look.trace());
}

/** Writes policies where no proxy can be told yet. */
export async function writePolicies(target: PolicyTarget, policies: readonly Policy[]): Promise<void> {
  const current = await target.read();
  for (const resource of target.render(policies, current, [])) await insist(target, resource);
}

function servicesOf(proxies: readonly PolicyProxy[]): string[] {
  return [...new Set(proxies.map(({ service }) => service))].sort();
}

/** By pod uid what it shows of each policy; null where it has nothing to do with it. */
async function shown(proxies: readonly PolicyProxy[], policies: readonly Policy[]): Promise<Record<string, Json[]>> {
  const limit = pLimit(atOnce);
  const seen = await Promise.all(
    proxies.map((proxy) =>
      limit(async () => {
        // A pod that is just going away has nothing to compare with later.
        const look = await proxy.look().catch(() => undefined);
        if (look === undefined) return undefined;
        const has = await Promise.all(policies.map(async (policy) => (await look.compare(policy))?.has ?? null));
        return [proxy.podUid, has] as const;
      }),
    ),
  );
  return Object.fromEntries(seen.filter((one) => one !== undefined));
}

async function lacking(look: ProxyLook, policies: readonly Policy[]): Promise<string | undefined> {
  for (const policy of policies) {
    const seen = await look.compare(policy);
    if (seen && !isDeepStrictEqual(plain(seen.has), plain(seen.wants))) return inWords(policy, seen);
  }
  return undefined;
}

function inWords(policy: Policy, { has, wants }: Comparison): string {
  const about = 'service' in policy ? policy.service : policy.to;
  return `${policy.kind} of ${about}: ${JSON.stringify(has)}, not ${JSON.stringify(wants)}`;
}

/** As it is after it was written to a file: what is undefined is gone. */
function plain(value: Json): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A control plane that stumbles for a moment does not keep a policy from being taken back. */
async function insist(target: PolicyTarget, resource: PolicyResource): Promise<void> {
  await pollUntil(
    async () => {
      await target.write(resource);
      return { ready: true };
    },
    {
      what: `taking back ${resource.id}`,
      timeoutMs: propagationTimeoutMs,
      intervalMs: 300,
      code: 'MESHPROOF_MESH_API',
      hint: 'Is the control plane up? `./bin/meshproof down` removes the lab.',
    },
  );
}

/** What a proxy lacks, or undefined. */
type Lacks = (look: ProxyLook, proxy: PolicyProxy) => string | undefined | Promise<string | undefined>;

/**
 * Waits until no running proxy lacks anything, nor still lets old connections live by old rules: when a listener changes
 * its filter chains, connections of the old ones go on as before until they are drained.
 */
async function waitForProxies(target: PolicyTarget, signal: AbortSignal | undefined, lacks: Lacks): Promise<void> {
  const settled = new Set<string>();
  await pollUntil(
    async () => {
      const proxies = (await target.proxies()).filter(({ podUid }) => !settled.has(podUid));
      const limit = pLimit(atOnce);
      const reasons = await Promise.all(
        proxies.map((proxy) =>
          limit(async () => {
            const reason = await reasonOf(proxy, lacks);
            if (reason === undefined) settled.add(proxy.podUid);
            return reason && `${proxy.pod}: ${reason}`;
          }),
        ),
      );
      const reason = reasons.find((one) => one !== undefined);
      return reason === undefined ? { ready: true } : { pending: reason };
    },
    {
      what: 'every proxy has the policies',
      timeoutMs: propagationTimeoutMs,
      intervalMs: 200,
      signal,
      code: 'MESHPROOF_MESH_NOT_READY',
      hint: 'Look at what the mesh was told (policies.yaml of the arm), and at the proxy named above.',
    },
  );
}

async function reasonOf(proxy: PolicyProxy, lacks: Lacks): Promise<string | undefined> {
  try {
    const look = await proxy.look();
    return (await lacks(look, proxy)) ?? look.unsettled;
  } catch (error) {
    if (isHttpStatus(error, 404)) return 'it has just gone';
    throw error;
  }
}
