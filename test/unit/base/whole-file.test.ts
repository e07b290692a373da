import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshproofError, toMeshproofError } from '../../../src/base/errors.ts';
import { openWhole, partOf, writeWhole } from '../../../src/base/whole-file.ts';
import { writeEvidence, writeEvidenceLines, writeEvidenceText } from '../../../src/evidence/files.ts';
import { splitCapture } from '../../../src/observe/capture/split.ts';
import { writeReport } from '../../../src/report/write-report.ts';
import { edgeOf, fixturePath } from '../observe/capture/support.ts';
import { exampleReport } from '../report/example-report.ts';

describe('a disk that is full', () => {
  let dir = '';
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'meshproof-test-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** What is written before it is whole goes to a device that the kernel says is full. */
  const fill = (name: string): string => {
    const path = join(dir, name);
    symlinkSync('/dev/full', partOf(path));
    return path;
  };
  const errorOf = async (work: Promise<unknown>): Promise<MeshproofError> => {
    const error = await work.then(
      () => expect.fail('it was written'),
      (thrown: unknown) => thrown,
    );
    expect(error, String(error)).to.be.instanceOf(MeshproofError);
    return error as MeshproofError;
  };
  async function* forever(): AsyncGenerator<string> {
    for (;;) yield `${await Promise.resolve('a line that never ends to be followed by the next one')}\n`;
  }
  function* manyValues(): Generator<object> {
    for (let n = 0; n < 300_000; n++) yield { n };
  }
  const big = Array.from({ length: 200 }, () => fixturePath('http-planted-token.pcap'));

  const writers: [string, string, (path: string) => Promise<unknown>][] = [
    ['a text', 'evidence/a.txt', () => writeEvidence(dir, 'evidence/a.txt', 'text')],
    ['many lines', 'evidence/a.ndjson', () => writeEvidenceLines(dir, 'evidence/a.ndjson', manyValues())],
    ['a compressed file', 'evidence/a.ndjson.gz', () => writeEvidenceLines(dir, 'evidence/a.ndjson.gz', manyValues())],
    ['a log without an end', 'evidence/a.log', () => writeEvidenceText(dir, 'evidence/a.log', forever())],
    ['a capture', 'evidence/a.pcap', (path) => splitCapture(big, path, edgeOf())],
    ['a capture that fits into one write', 'evidence/a.pcap', (path) => splitCapture(big.slice(0, 1), path, edgeOf())],
  ];
  for (const [what, name, write] of writers) {
    it(`ends the writing of ${what} at once, by its name, and leaves nothing that looks whole`, async () => {
      await writeWhole(join(dir, 'evidence/other'), 'x');
      const path = fill(name);
      const error = await errorOf(write(path));
      expect(error).to.include({ code: 'MESHPROOF_DISK_FULL', exitCode: 3 });
      expect(error.message).to.contain(path);
      expect(readdirSync(join(dir, 'evidence'))).to.deep.equal(['other']);
    });
  }

  it('is what a report says that could not be written for it', async () => {
    const report = await exampleReport(dir, 'empty');
    fill('report.json');
    const error = await errorOf(writeReport(dir, report));
    expect(error).to.include({ code: 'MESHPROOF_DISK_FULL' });
    expect(existsSync(join(dir, 'report.json'))).to.equal(false);
    expect(existsSync(join(dir, 'summary.md'))).to.equal(true);
  });

  it('has its code wherever it is met, also deep in a cause', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(toMeshproofError(full)).to.include({ code: 'MESHPROOF_DISK_FULL', exitCode: 3 });
    expect(toMeshproofError(new Error('fetch failed', { cause: full }))).to.include({ code: 'MESHPROOF_DISK_FULL' });
    expect(toMeshproofError(Object.assign(new Error('x'), { code: 'EDQUOT' })).code).to.equal('MESHPROOF_DISK_FULL');
    expect(toMeshproofError(Object.assign(new Error('x'), { code: 'EACCES' })).code).to.equal('MESHPROOF_INTERNAL');
  });
});

describe('a file that is whole or not there', () => {
  let dir = '';
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'meshproof-test-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('appears when it is committed', async () => {
    const path = join(dir, 'deep', 'file');
    await using file = await openWhole(path);
    for (let n = 0; n < 1000; n++) {
      file.write(`${n}\n`);
      await file.drained();
    }
    expect(existsSync(path)).to.equal(false);
    await file.commit();
    expect(readFileSync(path, 'utf8').trim().split('\n')).to.have.length(1000);
    expect(readdirSync(join(dir, 'deep'))).to.deep.equal(['file']);
  });

  it('is not there, and leaves nothing, when it is not', async () => {
    {
      await using file = await openWhole(join(dir, 'file'));
      file.write('half');
      await once(file.stream, 'open');
    }
    expect(readdirSync(dir)).to.deep.equal([]);
  });

  it('what was there stays until then', async () => {
    const path = join(dir, 'file');
    await writeWhole(path, 'old');
    {
      await using file = await openWhole(path);
      file.write('new');
    }
    expect(readFileSync(path, 'utf8')).to.equal('old');
  });
});
