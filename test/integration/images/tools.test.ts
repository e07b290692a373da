import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCommand } from '../../../src/base/process.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { buildArchive } from '../../../src/images/archive.ts';
import { buildLayer } from '../../../src/images/layer.ts';
import { appImages } from '../../../src/apps/app-images.ts';
import { loadApp } from '../../../src/apps/load-app.ts';
import type { ImageSpec } from '../../../src/images/image.ts';
import { labImages } from '../../../src/lab/images.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

/** What every image with an Envoy begins with. */
const envoyPrograms: [string[], RegExp][] = [
  [['iptables-restore', '-V'], /v\d/],
  [['ip6tables-restore', '-V'], /v\d/],
  [['ip', '-V'], /iproute2/],
  [['envoy', '--version'], /version: .*\/1\.\d+\.\d+\//],
  [['iptables', '-m', 'statistic', '--help'], /statistic match options/],
  [['iptables', '-m', 'owner', '--help'], /--uid-owner/],
  [['iptables', '-j', 'REDIRECT', '--help'], /--to-ports/],
  [['ss', '-V'], /iproute2/],
  [['tc', '-V'], /iproute2/],
  [['tcpdump', '--version'], /libpcap version/],
];

/** Programs each image is there for, as they are called in its pods, and what they say. */
const programs: Record<string, [string[], RegExp][]> = {
  consul: [
    [['consul', 'version'], /^Consul v\d/],
    [['busybox', 'wget', '--help'], /Usage: wget/],
  ],
  'fault-point': envoyPrograms,
  'consul-proxy': [...envoyPrograms, [['node', '-p', '1 + 1'], /^2$/m]],
  istiod: [[['pilot-discovery', 'version'], /1\.31\./]],
  'istio-proxy': [
    ...envoyPrograms,
    [['pilot-agent', 'version'], /1\.31\./],
    [['iptables-nft-restore', '-V'], /v\d/],
    [['cat', '/var/lib/istio/envoy/envoy_bootstrap_tmpl.json'], /application_log_config/],
  ],
  k6: [[['k6', 'version'], /^k6 v\d/]],
  'tripinsights-postgres': [
    [['postgres', '--version'], /PostgreSQL\) 1\d/],
    [['initdb', '--version'], /initdb/],
    [['psql', '--version'], /psql/],
  ],
  'tripinsights-trips': [[['node', '-p', '1 + 1'], /^2$/m]],
  probe: [[['node', '-p', '1 + 1'], /^2$/m]],
};

/** Nothing of the host's environment: XTABLES_LIBDIR or LD_LIBRARY_PATH would hide what an image lacks. */
const clean = ['/usr/bin/env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'];

describe('lab images', function () {
  this.timeout(300_000);
  const toolbox = createToolbox({ progress: silentProgress(), signal: new AbortController().signal });
  const allImages = async (): Promise<ImageSpec[]> => [
    ...((await labImages(toolbox, { names: Object.keys(programs) })) as ImageSpec[]),
    ...((await appImages(await loadApp('tripinsights'), { toolbox })) as ImageSpec[]),
  ];
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-images-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  for (const [name, calls] of Object.entries(programs)) {
    it(`${name} holds every library and module its programs need`, async () => {
      const image = (await allImages()).find((each) => each.name === name);
      for (const layer of image!.layers) {
        const { path } = await buildLayer(layer, join(toolbox.cacheDir, 'images', 'layers'));
        await runCommand(['tar', '-xf', path, '-C', dir]);
      }
      await mkdir(join(dir, 'proc'), { recursive: true });
      for (const [argv, says] of calls) {
        const { stdout, stderr } = await runCommand([...clean, 'chroot', dir, ...argv], { okExitCodes: [0, 1, 2] });
        expect(`${stdout}${stderr}`, argv.join(' ')).to.match(says);
      }
      const { stdout } = await runCommand(['stat', '-c', '%a %u', join(dir, 'tmp'), join(dir, 'usr/bin/busybox')]);
      expect(stdout).to.equal('1777 0\n755 0\n');
    });
  }

  it('have the digests they had when they are built again in an empty cache', async () => {
    const names = ['k6', 'tripinsights-postgres', 'tripinsights-trips'];
    const build = async (cacheDir: string) =>
      buildArchive(
        (await allImages()).filter(({ name }) => names.includes(name)),
        { cacheDir, progress: silentProgress() },
      );
    const first = await build(join(dir, 'a'));
    const second = await build(join(dir, 'b'));
    expect(second.images).to.deep.equal(first.images);
    const { stdout } = await runCommand(['sha256sum', first.path, second.path]);
    expect(new Set(stdout.match(/^[0-9a-f]{64}/gm)).size).to.equal(1);
  });
});
