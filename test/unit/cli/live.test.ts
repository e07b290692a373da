import { expect } from 'chai';
import { isBounded, streamCommand, streamEnd, type StreamOptions } from '../../../src/cli/live.ts';

const lab = { lab: 'dev' };
const interrupt = new Error('Interrupted by SIGINT');

/** How a stream ends: `end`, or what it was ended by. */
async function ended(
  options: Partial<StreamOptions>,
  what: { enough?: boolean; interrupted?: boolean },
): Promise<unknown> {
  const [enough, stop] = [new AbortController(), new AbortController()];
  const end = streamEnd({ ...lab, ...options }, enough.signal, stop.signal);
  if (what.enough) enough.abort();
  if (what.interrupted) stop.abort(interrupt);
  return end.then(
    () => 'end',
    (reason: unknown) => reason,
  );
}

describe('a stream of a live lab', () => {
  it('ends when it has shown enough, or its time is over', async () => {
    expect(await ended({ count: 3 }, { enough: true })).to.equal('end');
    expect(await ended({ duration: 5 }, {})).to.equal('end');
  });

  it('has no other end than Ctrl-C without a bound; with one that is an interruption', async () => {
    expect(await ended({}, { interrupted: true })).to.equal('end');
    expect(await ended({ count: 3 }, { interrupted: true })).to.equal(interrupt);
    expect(await ended({ duration: 60_000 }, { interrupted: true })).to.equal(interrupt);
    expect(isBounded(lab)).to.equal(false);
  });

  it('refuses counts and durations that are none', async () => {
    for (const [option, value] of [
      ['--count', '0'],
      ['--count', '1.5'],
      ['--duration', 'soon'],
      ['--lab', 'No Lab'],
    ] as const) {
      const command = streamCommand('tap', 'a stream', 'requests')
        .exitOverride()
        .configureOutput({ writeErr: () => {} })
        .action(() => expect.fail(`${option} ${value} was taken`));
      const error = await command.parseAsync([option, value], { from: 'user' }).catch((thrown: unknown) => thrown);
      expect(error, `${option} ${value}`).to.have.property('code', 'commander.invalidArgument');
    }
  });
});
