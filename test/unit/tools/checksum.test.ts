import { expect } from 'chai';
import { findChecksum } from '../../../src/tools/checksum.ts';

const a = 'a'.repeat(64);
const b = 'B'.repeat(64);
const long = 'c'.repeat(128);

describe('a publisher’s checksum file', () => {
  it('lists several files', () => {
    const text = `${b}  other.tar.gz\n${a}  tool.tar.gz\n`;
    expect(findChecksum(text, 'tool.tar.gz')).to.deep.equal({ algorithm: 'sha256', hex: a });
    expect(findChecksum(text, 'other.tar.gz')?.hex).to.equal(b.toLowerCase());
  });
  it('may be in binary mode, have paths and CRLF', () => {
    expect(findChecksum(`${a} *./dist/tool\r\n`, 'tool')?.hex).to.equal(a);
  });
  it('may be PGP clear-signed', () => {
    const text = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${a}  tool\n-----BEGIN PGP SIGNATURE-----\n\niQ\n`;
    expect(findChecksum(text, 'tool')?.hex).to.equal(a);
  });
  it('may hold nothing but the sum', () => expect(findChecksum(`${a}\n`, 'tool')?.hex).to.equal(a));
  it('may be sha512', () => expect(findChecksum(`${long}  tool`, 'tool')?.algorithm).to.equal('sha512'));
  it('that does not list the file says nothing', () => {
    expect(findChecksum(`${a}  tool-arm64\n`, 'tool')).to.equal(undefined);
    expect(findChecksum('<html>not found</html>', 'tool')).to.equal(undefined);
    expect(findChecksum(`${a.slice(1)}  tool\n`, 'tool')).to.equal(undefined);
  });
});
