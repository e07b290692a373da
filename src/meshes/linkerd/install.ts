import { parseAllDocuments } from 'yaml';
import { CertificateAuthority } from '../../base/pki.ts';
import { pollUntil, type Look } from '../../base/poll.ts';
import { getIfThere } from '../../kube/get-if-there.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { MeshContext } from '../adapter.ts';
import { asksForSidecar } from '../injector-gate.ts';
import { linkerdCli, type Cli } from './cli.ts';
import { annotations, controlPlane, linkerdNamespace, sidecarContainer } from './names.ts';

const readyTimeoutMs = 120_000;

export interface LinkerdImages {
  controller: string;
  proxy: string;
}

interface Authorities {
  trustAnchor: string;
  issuer: { certificate: string; key: string };
}

/** What `linkerd install` is asked for. */
export function values({ controller, proxy }: LinkerdImages, { trustAnchor, issuer }: Authorities): object {
  const [controllerImage, controllerImageVersion] = split(controller);
  const [name, version] = split(proxy);
  return {
    controllerImage,
    controllerImageVersion,
    identityTrustAnchorsPEM: trustAnchor,
    identity: { issuer: { tls: { crtPEM: issuer.certificate, keyPEM: issuer.key } } },
    // It tells Linkerd's makers once a day that there is a cluster.
    disableHeartBeat: true,
    proxy: {
      image: { name, version },
      resources: { cpu: { request: '10m' }, memory: { request: '20Mi' } },
      // How an experiment starts a proxy anew: it drains for minutes by default.
      enableShutdownEndpoint: true,
      shutdownGracePeriod: '2s',
      // Counters of who is not called for ten minutes begin anew by default, and a look after it is less than one before.
      additionalEnv: [{ name: 'LINKERD2_PROXY_METRICS_RETAIN_IDLE', value: '1d' }],
    },
    // Without: file capabilities in the image.
    proxyInit: { runAsRoot: true },
  };
}

/** Linkerd's own objects, as its command line generates them; nothing is asked of a cluster. */
export async function generate(cli: Cli, images: LinkerdImages, authorities: Authorities): Promise<KubeObject[]> {
  // With the Gateway API's own definitions, without which the policy controller does not start.
  const crds = await cli(['install', '--crds', '--ignore-cluster', '--set', 'installGatewayAPI=true']);
  const all = await cli(['install', '--ignore-cluster', '--values', '-'], {
    input: JSON.stringify(values(images, authorities)),
  });
  return [crds, all].flatMap(({ stdout }) =>
    parseAllDocuments(stdout)
      .map((document) => document.toJS() as KubeObject | null)
      .filter((object) => object !== null),
  );
}

/**
 * Installs the control plane, or finds the same one there; ready when it resolves, and so is the injector: pods that are made
 * before would come up without a sidecar.
 *
 * @throws MeshproofError MESHPROOF_MESH_NOT_READY
 */
export async function installControlPlane(context: MeshContext, images: LinkerdImages): Promise<{ version: string }> {
  const { kube, signal } = context;
  const deployment = (name: string): string => `/apis/apps/v1/namespaces/${linkerdNamespace}/deployments/${name}`;
  // Once more, it would get another trust anchor, and no proxy would trust another.
  if ((await getIfThere(kube, deployment(controlPlane[0]))) === undefined)
    await kube.apply(await generate(linkerdCli(context), images, await authorities()));
  const wait = <T>(what: string, look: () => Promise<Look<T>>): Promise<T> =>
    pollUntil(look, {
      what,
      timeoutMs: readyTimeoutMs,
      signal,
      code: 'MESHPROOF_MESH_NOT_READY',
      hint: `Look at it: kubectl -n ${linkerdNamespace} get pods`,
    });
  const versions = await Promise.all(
    controlPlane.map((name) =>
      wait(`${name} is ready`, async (): Promise<Look<string>> => {
        const { metadata, status } = await kube.get(deployment(name));
        return status?.readyReplicas
          ? { ready: metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown' }
          : { pending: 'its readiness probes fail' };
      }),
    ),
  );
  const marks = { annotations: { [annotations.inject]: 'enabled' } };
  await wait('the injector puts sidecars into pods', () => asksForSidecar(kube, marks, sidecarContainer));
  return { version: versions[0] ?? 'unknown' };
}

/** Of this lab alone; the anchor's key is forgotten. */
async function authorities(): Promise<Authorities> {
  const anchor = await CertificateAuthority.create('root.linkerd.cluster.local');
  return {
    trustAnchor: anchor.pair.certificate,
    issuer: await anchor.issueAuthority('identity.linkerd.cluster.local'),
  };
}

/** A reference as Linkerd wants it: name and tag apart. */
function split(ref: string): [name: string, tag: string] {
  const at = ref.lastIndexOf(':');
  return [ref.slice(0, at), ref.slice(at + 1)];
}
