import { buildArchive } from '../../../src/images/archive.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import type { ImageArchive } from '../../../src/images/image.ts';
import type { Toolbox } from '../../../src/tools/tool.ts';

const applets = ['sh', 'sleep', 'cat', 'id', 'httpd', 'wget', 'nslookup', 'true', 'mkdir'];

/** A busybox image; `variant` makes one that no store has seen. */
export async function boxArchive(toolbox: Toolbox, variant: string): Promise<ImageArchive> {
  const busybox = (await toolbox.get('busybox')).bin.busybox ?? '';
  const programs = {
    name: 'busybox',
    files: [
      { path: '/usr/bin/busybox', source: { hostPath: busybox }, mode: 0o755 },
      ...applets.map((applet) => ({ path: `/usr/bin/${applet}`, source: { linkTo: 'busybox' } })),
    ],
  };
  const mark = { name: 'mark', files: [{ path: '/etc/variant', source: { content: variant } }] };
  return buildArchive(
    [{ name: 'test-box', layers: [programs, mark], config: { entrypoint: ['/usr/bin/sleep', '100000'] } }],
    { cacheDir: toolbox.cacheDir, progress: silentProgress() },
  );
}
