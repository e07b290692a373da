import { Readable } from 'node:stream';
import { expect } from 'chai';
import { readK6Files, type K6Files } from '../../../src/load/k6-files.ts';
import { readOutcome } from '../../../src/load/outcome.ts';
import { toSample } from '../../../src/load/samples.ts';

interface Run {
  code?: number;
  samples?: number;
  iterations?: number;
  requests?: number;
  dropped?: number;
  output?: string;
  summary?: string;
  /** After the last newline of the samples. */
  half?: string;
}

const asked = { pod: 'caller-0', idPrefix: 'p', targets: [{ name: 'trips' }], requests: 100 };

/** What the container left, read as from its work directory. */
async function filesOf(run: Run): Promise<K6Files> {
  const { samples = 100, iterations = samples, requests = samples, dropped = 0, code = 0, output = '' } = run;
  const lines = Array.from({ length: samples }, (_, index) => `${index},0,${1000 + index},5.250,200,0,1\n`);
  const metrics = {
    iterations: { values: { count: iterations } },
    http_reqs: { values: { count: requests } },
    dropped_iterations: { values: { count: dropped } },
  };
  const files: Record<string, string> = {
    'samples.csv': `start,1000\n${lines.join('')}${run.half ?? ''}`,
    'summary.json': run.summary ?? JSON.stringify({ metrics }),
    'tail.txt': output,
  };
  const read = await readK6Files((name, consume) => consume(Readable.from([Buffer.from(files[name]!)])), asked);
  return { ...read, exitCode: code };
}

const problemsOf = async (run: Run): Promise<string> => readOutcome(await filesOf(run), asked).problems.join('; ');

describe('outcome of a k6 run', () => {
  it('is read completely, but for half a line at the end', async () => {
    const outcome = readOutcome(await filesOf({ half: '100,0,1100,5.2' }), asked);
    expect(outcome.problems).to.deep.equal([]);
    expect(outcome.samples).to.have.length(100);
    expect(outcome.samples[7]).to.deep.equal({
      requestId: 'p-7',
      startedAt: 1007,
      durationMs: 5.25,
      status: 200,
      errorCode: 0,
      target: 'trips',
      ok: true,
    });
  });

  it('knows how late each arrival began, where the script says so', () => {
    const lines = [
      'start,1000',
      '0,0,1000,5.250,200,0,1,0.0',
      '1,0,1093,5.250,200,0,1,60.5',
      '2,0,1100,5.250,200,0,1',
      '3,0,11',
    ];
    const samples = lines.flatMap((line) => toSample(line, 'p', asked.targets) ?? []);
    expect(samples.map(({ requestId, lateMs }) => [requestId, lateMs])).to.deep.equal([
      ['p-0', 0],
      ['p-1', 60.5],
      ['p-2', undefined],
    ]);
  });

  it('knows that k6 was told to end before its time', async () => {
    const files = await filesOf({ code: 105, samples: 99, iterations: 100 });
    expect(readOutcome(files, { pod: 'k6-0', requests: 100, stoppedAtMs: 2000 }).problems).to.deep.equal([]);
    expect(readOutcome(files, { pod: 'k6-0', requests: 100 }).problems.join()).to.contain('exit code 105');
    const few = await filesOf({ code: 105, samples: 90, iterations: 90 });
    expect(readOutcome(few, { pod: 'k6-0', requests: 100, stoppedAtMs: 2000 }).problems.join()).to.contain(
      'were asked for',
    );
  });

  it('does not count what k6 itself cut when it was told to end, whatever became of it', async () => {
    const files = await filesOf({ code: 105, samples: 100 });
    const cut = toSample('100,0,1100,6.500,0,1000,0', 'p', asked.targets)!;
    const stoppedAtMs = 1103;
    const { samples } = readOutcome({ ...files, samples: [...files.samples, cut] }, { ...asked, stoppedAtMs });
    // They start at 1000 … 1099 and take 5.25 ms; with a clock that is ahead they began earlier than they say.
    expect(samples.at(-1)?.requestId).to.equal('p-97');
    const ahead = { ...cut, clockAheadMs: 50 };
    const early = readOutcome({ ...files, samples: [...files.samples, ahead] }, { ...asked, stoppedAtMs });
    expect(early.samples.at(-1)).to.deep.equal(ahead);
    expect(readOutcome({ ...files, samples: [...files.samples, cut] }, asked).samples).to.have.length(101);
  });

  const bad: [string, Run, string][] = [
    ['an exit code of its own', { code: 107, output: 'ERRO SyntaxError' }, 'exit code 107: ERRO SyntaxError'],
    [
      'every iteration thrown, with exit code 0',
      { samples: 0, iterations: 100, output: 'level=error msg="boom"' },
      'all 100 iterations failed in the script: level=error',
    ],
    ['some iterations thrown', { samples: 99, iterations: 100, requests: 99 }, 'samples of 99 of 100 iterations'],
    ['samples lost', { samples: 100, iterations: 100, requests: 101 }, '100 samples of 101 requests'],
    ['dropped iterations', { dropped: 2 }, 'dropped 2 iterations'],
    ['too few requests', { samples: 97 }, '97 requests were sent, 100 were asked for'],
    ['nothing sent', { samples: 0 }, '0 requests were sent'],
    ['no summary', { summary: '' }, 'no summary'],
    ['half a summary', { summary: '{"metr' }, 'no summary'],
    ['a threshold', { code: 99 }, 'a threshold of its script was crossed'],
  ];
  for (const [what, run, problem] of bad) {
    it(`does not pass with ${what}`, async () => {
      expect(await problemsOf(run)).to.contain(problem);
    });
  }

  it('says that k6 did not end by itself when its container did not', async () => {
    const outcome = readOutcome({ ...(await filesOf({})), exitCode: undefined }, asked);
    expect(outcome.problems.join()).to.contain('did not end by itself');
  });
});
