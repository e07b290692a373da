import { namespaceObjects } from '../apps/running-app.ts';
import { MeshproofError } from '../base/errors.ts';
import type { AttachedLab } from '../lab/attach-lab.ts';
import { HttpExchanges } from '../observe/capture/http1/exchanges.ts';
import { startLiveCapture, type LiveCapture } from '../observe/capture/live-capture.ts';
import { seePods } from './seen-pods.ts';
import { tapEvents, type TapEvent } from './tap-events.ts';
import { servicesByIdentity, tapTargets, type TapTarget } from './tap-targets.ts';

/** In case meshproof is killed; it goes with the lab at the latest. */
const longestMs = 12 * 3_600_000;

export interface Tap extends AsyncDisposable {
  /** Pods that are listened to. */
  readonly targets: readonly TapTarget[];
  /** Why something may have been missed. */
  problems(): string[];
}

/**
 * Listens to what the sidecars of a namespace ask of their apps: a capture of each pod's loopback, so neither the mesh nor the
 * app is changed, and nothing is left when it ends. HTTP/1 only. Pods that come later are not listened to.
 *
 * @param options.service only its pods; default: every service that speaks HTTP
 * @throws MeshproofError MESHPROOF_USAGE for a service that is not there or speaks no HTTP, MESHPROOF_CAPTURE where the cluster
 * gives no access to pods' networks
 */
export async function startTap(
  lab: AttachedLab,
  options: { service?: string | undefined; onEvent: (event: TapEvent) => void; signal: AbortSignal },
): Promise<Tap> {
  const { kube, mesh, namespace, cluster, toolbox } = lab;
  const { service, onEvent, signal } = options;
  const access = cluster.podNetwork;
  if (access === undefined) {
    throw new MeshproofError(
      'MESHPROOF_CAPTURE',
      `The ${cluster.provider} cluster gives no access to pods’ networks`,
      'Requests cannot be seen there one by one; `stat` and `routes` have what the proxies count.',
    );
  }
  const pods = await seePods(kube, mesh, namespace);
  const targets = tapTargets(pods, await namespaceObjects(kube, namespace), service);
  const [services, tcpdump] = await Promise.all([servicesByIdentity(pods, mesh, signal), toolbox.get('tcpdump')]);
  const listen = async ({ pod, port }: TapTarget): Promise<{ capture: LiveCapture; exchanges: HttpExchanges }> => {
    const toEvent = tapEvents(pod, services, mesh.forwardedHeader);
    const exchanges = new HttpExchanges(port, (exchange) => onEvent(toEvent(exchange)));
    const capture = await startLiveCapture({
      ...{ pod: pod.ref, tcpdump, signal, interface: 'lo', filter: `tcp port ${port}`, maxDurationMs: longestMs },
      argvFor: (argv) => access.command(pod.ref, argv),
      onPacket: (packet) => exchanges.packet(packet),
    });
    return { capture, exchanges };
  };
  const started = await Promise.allSettled(targets.map(listen));
  const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(running.map(({ capture }) => capture[Symbol.asyncDispose]()));
  };
  const failed = started.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return {
    targets,
    problems: () => [
      ...running.flatMap(({ capture }) => capture.problems()),
      ...running.flatMap(({ exchanges: { foreign } }, index) =>
        foreign > 0
          ? [`${targets[index]?.pod.ref.name}: ${foreign} connections speak no HTTP/1, and were passed over`]
          : [],
      ),
    ],
    [Symbol.asyncDispose]: stop,
  };
}
