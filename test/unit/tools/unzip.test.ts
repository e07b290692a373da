import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzip } from '../../../src/tools/unpack.ts';
import { zip } from './zip-writer.ts';

describe('unzip', () => {
  let directory = '';
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'meshproof-zip-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const unpack = (bytes: Buffer, want = (name: string): string | undefined => name): Promise<number> => {
    writeFileSync(join(directory, 'a.zip'), bytes);
    return unzip(join(directory, 'a.zip'), join(directory, 'out'), want);
  };
  const failure = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'no error',
      (error: Error) => error.message,
    );

  for (const stored of [false, true]) {
    it(`reads ${stored ? 'stored' : 'deflated'} files, long and empty ones too`, async () => {
      const long = 'meshproof '.repeat(100_000);
      expect(await unpack(zip({ 'a/b': long, empty: '', c: 'see' }, { stored }))).to.equal(3);
      expect(readFileSync(join(directory, 'out/a/b'), 'utf8')).to.equal(long);
      expect(readFileSync(join(directory, 'out/empty'), 'utf8')).to.equal('');
      expect(readFileSync(join(directory, 'out/c'), 'utf8')).to.equal('see');
    });
  }

  it('takes only what is wanted, under the wanted name', async () => {
    expect(await unpack(zip({ a: '1', b: '2' }), (name) => (name === 'b' ? 'x/bee' : undefined))).to.equal(1);
    expect(readFileSync(join(directory, 'out/x/bee'), 'utf8')).to.equal('2');
  });

  it('does not leave the directory', async () => {
    expect(await failure(unpack(zip({ '../evil': 'x' })))).to.include('invalid relative path');
    expect(await failure(unpack(zip({ '/evil': 'x' })))).to.include('absolute path');
    const evil = await failure(unpack(zip({ harmless: 'x' }), () => '../evil'));
    expect(evil).to.include('leaves the directory');
    expect(existsSync(join(directory, 'evil'))).to.equal(false);
  });

  it('refuses what is no zip, and one that is cut short', async () => {
    expect(await failure(unpack(Buffer.from('<html>sorry</html>')))).not.to.equal('no error');
    const whole = zip({ a: 'x'.repeat(1000) });
    expect(await failure(unpack(whole.subarray(0, whole.length - 30)))).not.to.equal('no error');
    expect(await failure(unpack(whole.subarray(20)))).not.to.equal('no error');
    expect(await failure(unpack(whole))).to.equal('no error');
  });

  it('refuses a file of another size than its directory says', async () => {
    for (const sizeSaid of [999, 1001]) {
      const archive = zip({ a: 'x'.repeat(1000) }, { sizeSaid });
      expect(await failure(unpack(archive)), `${sizeSaid}`).to.match(/too many bytes|not enough bytes/);
    }
  });
});
