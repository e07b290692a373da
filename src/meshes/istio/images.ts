import type { ImageSpec, LayerFile } from '../../images/image.ts';
import type { ImageKit } from '../../images/image-kit.ts';
import { envoyLayers } from '../envoy/image.ts';

/** Where pilot-agent looks for the template of Envoy's bootstrap. */
const bootstrapPath = '/var/lib/istio/envoy/envoy_bootstrap_tmpl.json';

async function bootstrap(kit: ImageKit): Promise<LayerFile> {
  const agent = await kit.tool('pilot-agent');
  const hostPath = agent.bin['envoy_bootstrap.json'];
  if (hostPath === undefined) throw new TypeError('pilot-agent came without its template of the bootstrap');
  return { path: bootstrapPath, source: { hostPath }, mode: 0o644 };
}

export const istioImages = {
  istiod: async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: [await kit.base(), await kit.program('pilot-discovery')],
    config: { entrypoint: ['/usr/bin/pilot-discovery'], user: '1337' },
  }),
  /** The sidecar and its init container: pilot-agent with a plain Envoy. */
  'istio-proxy': async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: [
      ...(await envoyLayers(kit)),
      await kit.program('pilot-agent'),
      { name: 'bootstrap', files: [await bootstrap(kit)] },
    ],
    config: { entrypoint: ['/usr/bin/pilot-agent'], user: '1337' },
  }),
};
