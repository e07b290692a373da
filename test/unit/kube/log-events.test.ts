import { expect } from 'chai';
import { logEvents } from '../../../src/kube/log-events.ts';

describe('events in a container log', () => {
  it('carry the kubelet’s time to the millisecond', () => {
    const [event] = logEvents('2026-11-21T07:49:46.123456789Z meshproof active old=7 x=a=b\nno event\n');
    expect(event?.event).to.equal('active');
    expect(event?.fields).to.deep.equal({ old: '7', x: 'a=b' });
    expect(Math.floor(event?.at ?? 0)).to.equal(Date.parse('2026-11-21T07:49:46.123Z'));
  });
});
