import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError } from '../../base/errors.ts';
import type { ImageKit, MadeImage } from '../../images/image-kit.ts';
import { officialImage } from '../official-image.ts';

/** Where Linkerd's manifests look for the programs of a pod. */
const proxyFolder = '/usr/lib/linkerd';

/** What Linkerd's own image sets for the proxy; its manifests rely on it. */
const proxyEnv = { LINKERD2_PROXY_LOG: 'warn,linkerd=info', LINKERD2_PROXY_LOG_FORMAT: 'plain' };

/** Programs of a user's build, by the names that Linkerd's own builds give them. */
async function ownPrograms(folder: string, names: readonly string[]): Promise<string[]> {
  const paths = names.map((name) => join(folder, name));
  const missing = (
    await Promise.all(
      paths.map((path, index) =>
        access(path).then(
          () => [],
          () => [names[index] ?? ''],
        ),
      ),
    )
  ).flat();
  if (missing.length === 0) return paths;
  throw new MeshproofError(
    'MESHPROOF_IMAGE',
    `${folder} has no ${missing.join(', ')}`,
    'Linkerd needs linkerd, controller, linkerd-policy-controller, linkerd2-proxy, linkerd2-proxy-identity and linkerd2-proxy-init there.',
  );
}

/** The image that Linkerd's maintainers built, of the release of the command line that installs it. */
async function official(kit: ImageKit, name: string): Promise<MadeImage> {
  const { version } = await kit.tool('linkerd');
  return officialImage(
    kit,
    `cr.l5d.io/linkerd/${name}:edge-${version}`,
    '--mesh-binaries with the programs of a build of your own, or --mesh-images with linkerd-controller.tar and linkerd-proxy.tar.',
  );
}

export const linkerdImages = {
  'linkerd-controller': async (kit: ImageKit): Promise<MadeImage> => {
    if (kit.ownPrograms === undefined) return official(kit, 'controller');
    const [controller = '', policy = ''] = await ownPrograms(kit.ownPrograms, [
      'controller',
      'linkerd-policy-controller',
    ]);
    return {
      layers: [
        await kit.base(),
        await kit.libc(),
        await kit.hostPrograms('linkerd-controller', {
          '/controller': controller,
          '/linkerd-policy-controller': policy,
        }),
      ],
      config: { entrypoint: ['/controller'], user: '2103' },
    };
  },
  /** The proxy, what asks for its certificate, and the init container that turns a pod's connections to it. */
  'linkerd-proxy': async (kit: ImageKit): Promise<MadeImage> => {
    if (kit.ownPrograms === undefined) return official(kit, 'proxy');
    const names = ['linkerd2-proxy', 'linkerd2-proxy-identity', 'linkerd2-proxy-init'];
    const paths = await ownPrograms(kit.ownPrograms, names);
    const programs = names.map((name, index) => [`${proxyFolder}/${name}`, paths[index] ?? '']);
    return {
      layers: [
        await kit.base(),
        await kit.libc(),
        await kit.iptables(),
        await kit.hostPrograms('linkerd-proxy', Object.fromEntries(programs) as Record<string, string>),
      ],
      config: { entrypoint: [`${proxyFolder}/linkerd2-proxy-identity`], user: '65534', env: proxyEnv },
    };
  },
};
