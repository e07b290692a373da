import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { runCommand } from '../../../src/base/process.ts';

const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe('evidence on a disk that fills up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-full-'));
  after(() => rmdirSync(folder));

  it('ends with MESHPROOF_DISK_FULL in every way it is written, and leaves nothing half', async () => {
    // A file system of its own, which no other process sees and which goes away with this one.
    const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" --import tsx "$3" "$1" "$4"';
    const { stdout } = await runCommand(
      [
        ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'],
        ...[
          folder,
          process.execPath,
          beside('fill-disk.ts'),
          beside('../../../fixtures/captures/http-planted-token.pcap'),
        ],
      ],
      { timeoutMs: 50_000 },
    );
    const { ended, text, bytes } = JSON.parse(stdout) as {
      ended: { way: string; code: string; left: string[] }[];
      text: string;
      bytes: number;
    };
    expect(bytes).to.equal(1024 * 1024);
    expect(ended.map(({ way }) => way)).to.deep.equal(['text', 'json', 'ndjson', 'gzip', 'capture']);
    for (const { way, code, left } of ended) {
      expect(code, way).to.equal('MESHPROOF_DISK_FULL');
      expect(left, way).to.deep.equal([]);
    }
    expect(text).to.equal('fits');
  });
});
