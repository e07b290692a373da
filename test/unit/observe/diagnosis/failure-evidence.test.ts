import { expect } from 'chai';
import { endOf } from '../../../../src/observe/diagnosis/failure-evidence.ts';

describe('the end of a log', () => {
  it('is all of it where that fits', () => {
    expect(endOf('one\ntwo\n', 100)).to.equal('one\ntwo\n');
  });

  it('is its last whole lines, and says how much is missing', () => {
    expect(endOf('one\ntwo\nthree\n', 9)).to.equal('[5 bytes before this are left out]\nthree\n');
  });
});
