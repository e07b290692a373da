import type { LayerFile } from '../../images/image.ts';
import type { ImageKit, MadeImage } from '../../images/image-kit.ts';
import { envoyLayers } from '../envoy/image.ts';
import { officialImage } from '../official-image.ts';

/** Where pilot-agent looks for the template of Envoy's bootstrap. */
const bootstrapPath = '/var/lib/istio/envoy/envoy_bootstrap_tmpl.json';
/** Where Istio's releases push their images to (istio/release-builder, release/publish.sh). */
const hub = 'docker.io/istio';

async function bootstrap(kit: ImageKit): Promise<LayerFile> {
  const agent = await kit.tool('pilot-agent');
  const hostPath = agent.bin['envoy_bootstrap.json'];
  if (hostPath === undefined) throw new TypeError('pilot-agent came without its template of the bootstrap');
  return { path: bootstrapPath, source: { hostPath }, mode: 0o644 };
}

/** Without a variant in its tag it is the one with a shell, which key logs need. */
function official(kit: ImageKit, name: string, archive: string): Promise<MadeImage> {
  return officialImage(
    kit,
    `${hub}/${name}:${kit.release}`,
    `--mesh-release built, or --mesh-images with ${archive}.tar.`,
  );
}

export const istioImages = {
  istiod: async (kit: ImageKit): Promise<MadeImage> => {
    if (kit.release !== undefined) return official(kit, 'pilot', 'istiod');
    return {
      layers: [await kit.base(), await kit.program('pilot-discovery')],
      config: { entrypoint: ['/usr/bin/pilot-discovery'], user: '1337' },
    };
  },
  /** The sidecar and its init container: pilot-agent with a plain Envoy. */
  'istio-proxy': async (kit: ImageKit): Promise<MadeImage> => {
    if (kit.release !== undefined) return official(kit, 'proxyv2', 'istio-proxy');
    return {
      layers: [
        ...(await envoyLayers(kit)),
        await kit.program('pilot-agent'),
        { name: 'bootstrap', files: [await bootstrap(kit)] },
      ],
      config: { entrypoint: ['/usr/bin/pilot-agent'], user: '1337' },
    };
  },
};
