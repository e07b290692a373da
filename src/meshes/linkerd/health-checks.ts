import { X509Certificate } from 'node:crypto';
import type { KubeClient } from '../../kube/types.ts';
import type { MeshCheck } from '../adapter.ts';
import type { Cli } from './cli.ts';
import { linkerdNamespace } from './names.ts';
import { saidInVain, type FoundProfile, type ProfileInVain } from './service-profiles.ts';

interface CheckOutput {
  categories?: {
    categoryName: string;
    checks?: { description: string; hint?: string; error?: string; result: 'success' | 'warning' | 'error' }[];
  }[];
}

/** They ask the internet for the newest release; a build of one's own is none. */
const aboutVersions = /version|up-to-date/;

/** Pure: what `linkerd check -o json` found, by Linkerd's own names of its checks. */
export function checkFindings(output: CheckOutput): { problems: string[]; passed: number } {
  const all = (output.categories ?? []).flatMap(({ categoryName, checks = [] }) =>
    checks.map((check) => ({ ...check, categoryName })),
  );
  const judged = all.filter(({ categoryName, description }) => !aboutVersions.test(`${categoryName} ${description}`));
  const bad = judged.filter(({ result }) => result !== 'success');
  return {
    problems: bad.map(
      ({ categoryName, description, error, hint }) =>
        `${categoryName}: ${description}${error ? `: ${error}` : ''}${hint ? ` (${hint})` : ''}`,
    ),
    passed: judged.length - bad.length,
  };
}

/** What only Linkerd has: its own check, ServiceProfiles that switch policies off, and the authorities that meshproof made. */
export function healthChecks({
  kube,
  cli,
  namespace,
  profiled,
}: {
  kube: KubeClient;
  cli: Cli;
  namespace: string;
  /** Policies are ServiceProfiles: to have one is no finding, to be told something else beside it is. */
  profiled: boolean;
}): MeshCheck[] {
  return [
    {
      id: 'mesh/linkerd-check',
      title: 'Linkerd’s own check finds nothing wrong',
      category: 'mesh',
      async look() {
        const { stdout } = await cli(['check', '-o', 'json', '--wait', '5s'], { okExitCodes: [0, 1] });
        const { problems, passed } = checkFindings(JSON.parse(stdout) as CheckOutput);
        if (problems.length === 0 && passed === 0) problems.push('it checked nothing');
        return { problems, fine: `${passed} checks`, hint: 'Look at it: `linkerd check`.' };
      },
    },
    {
      id: 'mesh/service-profiles',
      title: 'No ServiceProfile switches retries and timeouts off',
      category: 'mesh',
      async look() {
        const profiles = await saidInVain(kube, namespace);
        return {
          problems: profilesInTheWay(profiles, profiled),
          fine: profiles.length === 0 ? 'there is none' : `what their services’ callers go by: ${whose(profiles)}`,
          hint: 'Delete it, or say in it what the annotations say.',
        };
      },
    },
    {
      id: 'certificates/issuer',
      title: 'The authorities of the mesh are valid',
      category: 'certificates',
      look: () => lookAtAuthorities(kube),
    },
  ];
}

/** Pure. @param profiled callers are meant to go by ServiceProfiles */
export function profilesInTheWay(profiles: readonly ProfileInVain[], profiled: boolean): string[] {
  return profiles.flatMap(({ service, annotations }) => {
    if (!profiled)
      return [
        `${service} has a ServiceProfile: its callers go by that, and by no retry, timeout or accrual annotation`,
      ];
    return annotations.length === 0
      ? []
      : [
          `${service} has a ServiceProfile: its callers go by that, and not by ${annotations.join(', ')} of the Service`,
        ];
  });
}

function whose(profiles: readonly FoundProfile[]): string {
  const foreign = profiles.filter(({ own }) => !own).map(({ service }) => service);
  const own = `${profiles.length - foreign.length} of meshproof`;
  return foreign.length === 0 ? own : `${own}, and of others for ${foreign.join(', ')}`;
}

async function lookAtAuthorities(kube: KubeClient): Promise<Awaited<ReturnType<MeshCheck['look']>>> {
  const path = `/api/v1/namespaces/${linkerdNamespace}`;
  const [roots, issuer] = await Promise.all([
    kube.get(`${path}/configmaps/linkerd-identity-trust-roots`),
    kube.get(`${path}/secrets/linkerd-identity-issuer`),
  ]);
  const data = issuer['data'] as Record<string, string>;
  const anchor = new X509Certificate((roots['data'] as Record<string, string>)['ca-bundle.crt'] ?? '');
  const signed = new X509Certificate(Buffer.from(data['crt.pem'] ?? data['tls.crt'] ?? '', 'base64'));
  const until = ({ validTo }: X509Certificate): string => new Date(validTo).toISOString().slice(0, 10);
  const problems = [
    ...(signed.verify(anchor.publicKey) ? [] : ['the trust anchor has not signed the issuer']),
    ...[anchor, signed]
      .filter(({ validTo }) => Date.parse(validTo) < Date.now())
      .map(({ subject }) => `${subject} has expired`),
  ];
  return {
    problems,
    fine: `trust anchor until ${until(anchor)}, issuer until ${until(signed)}, proxies 24 h`,
    hint: 'Make the lab anew.',
  };
}
