import { expect } from 'chai';
import { compareVersions, inRange, isRange, parseVersion } from '../../../src/tools/version.ts';

describe('versions of tools', () => {
  for (const [text, parts] of [
    ['v1.34.4', [1, 34, 4]],
    ['1:1.4.7-1+b2', [1, 4, 7]],
    ['1.6.20~ds1-1+deb12u3', [1, 6, 20]],
    ['156.0.8078.79-1~deb12u1', [156, 0, 8078, 79]],
    ['6', [6]],
  ] as const) {
    it(`reads ${text}`, () => expect(parseVersion(text)).to.deep.equal(parts));
  }

  it('reads no version where there is none', () => expect(parseVersion('unknown')).to.equal(undefined));

  it('orders by number, not by letter', () => {
    expect(compareVersions([1, 10], [1, 9])).to.be.greaterThan(0);
    expect(compareVersions([1, 4], [1, 4, 0])).to.equal(0);
  });

  for (const [version, range, fits] of [
    ['1.34.4', '>=1.34.0 <1.35.0', true],
    ['1.35.0', '>=1.34.0 <1.35.0', false],
    ['1.33.9', '>=1.34.0 <1.35.0', false],
    ['2.3.8', '>=3.4.0 <3.7.0', false],
    ['3.10', '>=3.4.0 <3.7.0', false],
    ['15.18', '>=15.0 <16.0', true],
    ['16.0', '>=15.0 <16.0', false],
    ['1.39.9', '>=1.40.0 <1.41.0', false],
    ['1:1.4.7-1+b2', '>=1.4.0 <2.0.0', true],
    ['1.0', '=1.0.0', true],
    ['1.0', '>1.0.0', false],
    ['1.0', '<=1.0.0', true],
    ['unknown', '>=0', false],
    ['1.0', 'latest', false],
    ['1.0', '', false],
  ] as const) {
    it(`${version} is ${fits ? '' : 'not '}in "${range}"`, () => expect(inRange(version, range)).to.equal(fits));
  }

  it('knows what is no range', () => {
    expect(isRange('>=1.0 <2')).to.equal(true);
    for (const bad of ['', '^1.0', '1.0', '>=', '>=1.x']) expect(isRange(bad), bad).to.equal(false);
  });
});
