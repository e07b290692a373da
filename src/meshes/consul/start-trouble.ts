import type { KubeObject } from '../../kube/types.ts';
import type { StartTrouble } from '../proxy-view.ts';
import { initContainer } from './names.ts';

interface Ended {
  exitCode: number;
  message?: string;
}

interface InitStatus {
  name: string;
  restartCount: number;
  state?: { terminated?: Ended };
  lastState?: { terminated?: Ended };
}

/** What Consul says to an account that may not be the service it claims to be. */
const notAllowed = /permission denied|lacks permission|forbidden|rpc error.*acl/i;

/** Pure: the init container ended with an error: with no rights for this service, or without an answer. */
export function startTrouble(pod: KubeObject): StartTrouble | undefined {
  const statuses: InitStatus[] = pod.status?.initContainerStatuses ?? [];
  const init = statuses.find(({ name }) => name === initContainer);
  const ended = [init?.state?.terminated, init?.lastState?.terminated].find((each) => (each?.exitCode ?? 0) !== 0);
  if (!init || !ended) return undefined;
  const lines = (ended.message ?? '').trim().split('\n').filter(Boolean).slice(-3);
  const said = lines.at(-1) ?? `exit code ${ended.exitCode}, and it wrote nothing`;
  const tries = init.restartCount + (init.state?.terminated ? 1 : 0);
  const evidence = [`${initContainer} failed ${tries} ${tries === 1 ? 'time' : 'times'}`, ...lines];
  return notAllowed.test(lines.join('\n'))
    ? { cause: 'identity', observed: `its service account may not be this service: ${said}`, evidence }
    : { cause: 'control plane', observed: `it cannot be registered: ${said}`, evidence };
}
