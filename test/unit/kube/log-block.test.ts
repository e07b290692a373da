import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { logEvents, readLogBlock } from '../../../src/kube/log-block.ts';

function blockOf(text: string, width: number, stamp = ''): string {
  const base64 = gzipSync(text).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  const sha256 = createHash('sha256').update(text).digest('hex');
  return [`meshproof begin ledger lines=1 sha256=${sha256}`, ...lines, 'meshproof end ledger', '']
    .map((line) => (line ? stamp + line : line))
    .join('\n');
}

describe('files in a container log', () => {
  it('come back as they were, wrapped or not, with the kubelet’s timestamps or without', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        (text, width, stamped) => {
          const stamp = stamped ? '2026-11-21T07:49:46.123456789Z ' : '';
          const exact = Buffer.from(text, 'utf8').toString('utf8');
          expect(readLogBlock(`${stamp}other line\n${blockOf(exact, width, stamp)}${stamp}later\n`, 'ledger')).to.equal(
            exact,
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('are not there before their end marker', () => {
    const whole = blockOf('text', 20);
    expect(readLogBlock(whole.slice(0, whole.indexOf('meshproof end')), 'ledger')).to.equal(undefined);
    expect(readLogBlock(whole, 'other')).to.equal(undefined);
  });

  it('are refused when a line is missing or changed', () => {
    const lines = blockOf('x'.repeat(50) + Math.PI + 'y'.repeat(100), 16).split('\n');
    expect(() => readLogBlock(lines.toSpliced(2, 1).join('\n'), 'ledger')).to.throw('damaged');
    expect(() => readLogBlock(blockOf('abc', 8).replace(/sha256=\w\w/, 'sha256=zz'), 'ledger')).to.throw('hash');
  });

  it('events carry the kubelet’s time to the millisecond', () => {
    const [event] = logEvents('2026-11-21T07:49:46.123456789Z meshproof active old=7 x=a=b\nno event\n');
    expect(event?.event).to.equal('active');
    expect(event?.fields).to.deep.equal({ old: '7', x: 'a=b' });
    expect(Math.floor(event?.at ?? 0)).to.equal(Date.parse('2026-11-21T07:49:46.123Z'));
  });
});
