import type { Toolbox } from '../../tools/tool.ts';
import { buildArchive } from '../../images/archive.ts';
import type { ImageArchive, ImageSpec, LayerSpec } from '../../images/image.ts';
import type { Progress } from '../../base/progress.ts';
import { program, type NodeTools } from './node-tools.ts';

/**
 * What a node cannot do without: the sandbox of every pod, and DNS. Both programs are static, so each image is one
 * file on top of a layer of a few directories.
 */
export function systemImages(tools: NodeTools): ImageSpec[] {
  const base: LayerSpec = {
    name: 'node-base',
    files: [
      {
        path: '/etc/passwd',
        source: { content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' },
      },
      { path: '/etc/group', source: { content: 'root:x:0:\nnogroup:x:65534:\n' } },
      { path: '/tmp', source: { directory: true }, mode: 0o1777 },
    ],
  };
  const one = (name: string, path: string, hostPath: string): LayerSpec => ({
    name,
    files: [{ path, source: { hostPath }, mode: 0o755 }],
  });
  return [
    {
      name: 'pause',
      layers: [base, one('busybox', '/usr/bin/busybox', program(tools.busybox, 'busybox'))],
      // It only holds the namespaces; containerd ends it with SIGKILL.
      config: { entrypoint: ['/usr/bin/busybox', 'sleep', '2147483647'], user: '65534:65534' },
    },
    {
      name: 'coredns',
      layers: [base, one('coredns', '/usr/bin/coredns', program(tools.coredns, 'coredns'))],
      config: { entrypoint: ['/usr/bin/coredns'], user: '65532:65532' },
    },
  ];
}

export async function systemArchive(
  tools: NodeTools,
  context: { toolbox: Toolbox; progress: Progress; signal?: AbortSignal },
): Promise<ImageArchive> {
  return buildArchive(systemImages(tools), {
    cacheDir: context.toolbox.cacheDir,
    progress: context.progress,
    signal: context.signal,
  });
}
