import { MeshproofError } from '../base/errors.ts';
import { embeddedProvider } from './embedded/embedded-provider.ts';
import { probeMechanisms } from './embedded/mechanisms.ts';
import { detectDocker } from './docker-engine.ts';
import type { ClusterProvider, ClusterProviderName, Detection } from './provider.ts';

/** The providers that are built, in the order `auto` prefers them. */
const providers: readonly ClusterProvider[] = [embeddedProvider];

/** Every provider by name, with why it can or cannot be used here. Takes 3 s at most. */
export async function detectProviders(): Promise<Detection[]> {
  const [docker, ...built] = await Promise.all([detectDocker(), ...providers.map((provider) => provider.detect())]);
  const notBuilt = (provider: ClusterProviderName, reason: string): Detection => ({
    provider,
    usable: false,
    reason: `not built yet; ${reason}`,
  });
  return [
    ...built,
    notBuilt('kind', docker),
    notBuilt('k3s', docker),
    notBuilt('existing', 'it will need --kubeconfig and --context'),
  ];
}

export interface Choice {
  provider: ClusterProvider;
  /** Decisions taken by probing this machine, for the report: `cgroups: v1, …`. */
  mechanisms: Record<string, string>;
}

/**
 * The provider asked for, or the first usable one for `auto`.
 *
 * @throws MeshproofError MESHPROOF_CLUSTER_UNAVAILABLE with the reason of every provider, MESHPROOF_NOT_ROOT when root
 * is all that is missing.
 */
export function chooseProvider(requested: ClusterProviderName | 'auto', detections: readonly Detection[]): Choice {
  const usable = providers.find(
    ({ name }) =>
      (requested === 'auto' || requested === name) &&
      detections.some((detection) => detection.provider === name && detection.usable),
  );
  if (usable) return { provider: usable, mechanisms: usable.name === 'embedded' ? probeMechanisms() : {} };
  const asked = detections.filter(({ provider }) => requested === 'auto' || provider === requested);
  const reasons = asked.map(({ provider, reason }) => `${provider}: ${reason}`).join('\n  ');
  const needsRoot = asked.some(({ provider, reason }) => provider === 'embedded' && reason.startsWith('needs root'));
  throw new MeshproofError(
    needsRoot ? 'MESHPROOF_NOT_ROOT' : 'MESHPROOF_CLUSTER_UNAVAILABLE',
    `No cluster can be made on this machine:\n  ${reasons || `${requested}: unknown provider`}`,
    needsRoot
      ? 'Run it with sudo, or as root in a --privileged container.'
      : 'Run `meshproof doctor` for what is missing.',
  );
}
