import { statfs } from 'node:fs/promises';
import { judged, type Check } from './check.ts';

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

export const disk: Check = {
  id: 'lab/disk',
  title: 'There is room for the lab and its evidence',
  category: 'lab',
  async run({ diskPaths = ['.'], minDiskBytes = 2 ** 30 }) {
    const seen = await Promise.all(
      diskPaths.map(async (path) => {
        const { bavail, bsize, files, ffree } = await statfs(path);
        return { path, free: bavail * bsize, noInodes: files > 0 && ffree < 1000 };
      }),
    );
    return judged(
      seen.flatMap(({ path, free, noInodes }) => [
        ...(free < minDiskBytes ? [`${path} has ${mib(free)} left, ${mib(minDiskBytes)} are wanted`] : []),
        ...(noInodes ? [`${path} has hardly any inodes left`] : []),
      ]),
      seen.map(({ path, free }) => `${path}: ${mib(free)} free`).join(', '),
      'Delete old reports (reports/), old labs (meshproof down --all) or the cache.',
    );
  },
};
