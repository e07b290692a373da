import { randomBytes } from 'node:crypto';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { judged, type Check } from './check.ts';

interface Endpoint {
  addresses?: string[];
  conditions?: { ready?: boolean };
}

/** Addresses of a Service's ready endpoints. */
export function readyAddresses(slices: readonly KubeObject[]): string[] {
  const endpoints = slices.flatMap((slice) => (slice['endpoints'] as Endpoint[] | null | undefined) ?? []);
  // An absent condition counts as ready, by the API's definition.
  return [
    ...new Set(
      endpoints.filter(({ conditions }) => conditions?.ready !== false).flatMap(({ addresses = [] }) => addresses),
    ),
  ];
}

/** Full names are asked for: busybox's nslookup does not follow the search list for names with a dot. */
const clusterDomain = 'cluster.local';

export const dnsServers: Check = {
  id: 'dns/servers',
  title: 'Cluster DNS has a ready server',
  category: 'dns',
  async run({ kube }) {
    const base = '/api/v1/namespaces/kube-system/services';
    const services = await kube.list(base, 'k8s-app=kube-dns');
    if (services.length === 0) {
      return { status: 'fail', observed: 'no Service with k8s-app=kube-dns in kube-system', hint: 'Install CoreDNS.' };
    }
    const seen = await Promise.all(
      services.map(async ({ metadata: { name } }) => ({
        name,
        ready: readyAddresses(
          await kube.list(
            '/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices',
            `kubernetes.io/service-name=${name}`,
          ),
        ).length,
      })),
    );
    return judged(
      seen
        .filter(({ ready }) => ready === 0)
        .map(({ name }) => `Service kube-system/${name} has no ready endpoint: CoreDNS does not run`),
      seen.map(({ name, ready }) => `${name}: ${ready} ready`).join(', '),
      'kubectl -n kube-system get deployment coredns; is it scaled to 0?',
    );
  },
};

/** Pure: addresses that nslookup (busybox, bind) printed for a name; those of the server itself come before the first blank line. */
export function nslookupAddresses(output: string): string[] {
  const answer = output.slice(output.search(/\n\s*\n/) + 1);
  return [...answer.matchAll(/^Address(?:\s+\d+)?:\s*([0-9a-fA-F.:]+)/gm)].map(([, address]) => address!);
}

export interface DnsProbe {
  namespace: string;
  pod: string;
  container?: string;
}

/** @returns addresses, or undefined when the name was not resolved, with what nslookup said. */
export async function resolveInPod(
  kube: KubeClient,
  probe: DnsProbe,
  name: string,
): Promise<{ addresses: string[]; output: string }> {
  // One shell that has either: an image may have busybox without its links. The name is an argument, not code.
  const script = 'if command -v nslookup >/dev/null 2>&1; then exec nslookup "$0"; else exec busybox nslookup "$0"; fi';
  const run = async (shell: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> =>
    kube.exec({ namespace: probe.namespace, name: probe.pod }, [...shell, '-c', script, name], {
      container: probe.container,
      timeoutMs: 20_000,
    });
  let result;
  try {
    result = await run(['sh']);
  } catch {
    result = await run(['busybox', 'sh']);
  }
  if (/not found|no such file/i.test(result.stderr) && result.exitCode >= 126)
    throw new Error(`no nslookup in ${probe.pod}: ${result.stderr.trim()}`);
  const output = `${result.stdout}\n${result.stderr}`.trim();
  return { addresses: result.exitCode === 0 ? nslookupAddresses(result.stdout) : [], output };
}

/**
 * Names must resolve to the Service's own address, and a name that does not exist must not resolve: a resolver that
 * answers everything would pass otherwise.
 */
export const dnsResolves: Check = {
  id: 'dns/resolves',
  title: 'Service names resolve to their Services from inside a pod',
  category: 'dns',
  async run({ kube, dnsProbe }) {
    if (!dnsProbe || dnsProbe.names.length === 0)
      return { status: 'skipped', observed: 'no pod was given to ask from' };
    const problems = await Promise.all(dnsProbe.names.map((name) => nameProblem(kube, dnsProbe, name)));
    const nowhere = `meshproof-${randomBytes(4).toString('hex')}.${dnsProbe.namespace}.svc.${clusterDomain}`;
    const { addresses } = await resolveInPod(kube, dnsProbe, nowhere);
    const control = addresses.length > 0 ? [`${nowhere} does not exist, yet resolves to ${addresses.join(', ')}`] : [];
    return judged(
      [...problems.flatMap((problem) => problem ?? []), ...control],
      `${dnsProbe.names.join(', ')} from ${dnsProbe.namespace}/${dnsProbe.pod}; a name that does not exist is refused`,
      'Does CoreDNS run (dns/servers)? Look at its log and at the pod’s /etc/resolv.conf.',
    );
  },
};

async function nameProblem(kube: KubeClient, probe: DnsProbe, name: string): Promise<string | undefined> {
  const [service, namespace = probe.namespace] = name.split('.');
  const fullName = `${service}.${namespace}.svc.${clusterDomain}`;
  const object = await kube.get(`/api/v1/namespaces/${namespace}/services/${service}`);
  const expected = (object['spec'] as { clusterIPs?: string[]; clusterIP?: string }).clusterIPs ?? [];
  const { addresses, output } = await resolveInPod(kube, probe, fullName);
  return addressProblem(fullName, { addresses, output, expected });
}

/** Pure: the addresses of a name against those of its Service; a headless Service may have any, but not none. */
export function addressProblem(
  fullName: string,
  seen: { addresses: readonly string[]; output: string; expected: readonly string[] },
): string | undefined {
  const { addresses, output, expected } = seen;
  if (addresses.length === 0) {
    return `${fullName} does not resolve: ${output.split('\n').slice(-2).join(' ').slice(0, 160)}`;
  }
  const wrong = expected[0] === 'None' ? [] : addresses.filter((address) => !expected.includes(address));
  return wrong.length > 0
    ? `${fullName} resolves to ${wrong.join(', ')}, its Service has ${expected.join(', ')}`
    : undefined;
}
