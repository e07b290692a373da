import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { isComplete, readOutcome } from '../../../src/load/outcome.ts';

const block = (name: string, text: string): string =>
  `meshproof begin ${name} lines=0 sha256=${createHash('sha256').update(text).digest('hex')}\n${gzipSync(text).toString('base64')}\nmeshproof end ${name}\n`;

interface Run {
  code?: number;
  samples?: number;
  iterations?: number;
  requests?: number;
  dropped?: number;
  output?: string;
  summary?: string;
}

function logOf(run: Run): string {
  const { samples = 100, iterations = samples, requests = samples, dropped = 0, code = 0, output = '' } = run;
  const lines = Array.from({ length: samples }, (_, index) => `${index},0,${1000 + index},5.250,200,0,1\n`);
  const metrics = {
    iterations: { values: { count: iterations } },
    http_reqs: { values: { count: requests } },
    dropped_iterations: { values: { count: dropped } },
  };
  return (
    `meshproof waiting\nmeshproof exited code=${code}\n` +
    block('samples', `start,1000\n${lines.join('')}`) +
    block('summary', run.summary ?? JSON.stringify({ metrics })) +
    block('output', output)
  );
}

const asked = { pod: 'caller-0', idPrefix: 'p', targets: [{ name: 'trips' }], requests: 100 };
const problemsOf = (run: Run): string => readOutcome(logOf(run), asked).problems.join('; ');

describe('outcome of a k6 run', () => {
  it('is read completely', () => {
    const outcome = readOutcome(logOf({}), asked);
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
    it(`does not pass with ${what}`, () => {
      expect(problemsOf(run)).to.contain(problem);
    });
  }

  it('says that k6 was killed when the log ends early', () => {
    const log = logOf({}).slice(0, logOf({}).indexOf('meshproof begin samples'));
    expect(isComplete(log)).to.equal(false);
    expect(readOutcome(log.replace(/meshproof exited.*\n/, ''), asked).problems.join()).to.contain(
      'did not end by itself',
    );
  });

  it('does not take damaged samples for fewer samples', () => {
    const log = logOf({}).replace(/sha256=../, 'sha256=00');
    expect(() => readOutcome(log, asked))
      .to.throw('damaged')
      .with.property('code', 'MESHPROOF_KUBE_API');
  });
});
