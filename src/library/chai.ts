import { assertionTable, troubleLines } from './lines.ts';
import type { Result } from './result.ts';

declare global {
  // How chai's types are extended: https://www.chaijs.com/guide/plugins/
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Chai {
    interface Assertion {
      /**
       * The result of a run is `healthy`: every criterion was shown to hold, and its control failed as it must. Negated, it
       * was shown not to hold. A result without a conclusion fails both ways.
       */
      proven: Assertion;
    }
  }
}

/** What a verdict means for a claim, where it is no proof. */
const words = {
  unhealthy: 'not proven',
  inconclusive: 'inconclusive, so neither proven nor disproven',
  error: 'not tried to its end, so neither proven nor disproven',
} as const;

/**
 * A chai plugin: `use(meshproof)`, then `expect(await lab.prove(…)).to.be.proven`. It fails with the assertion table of the
 * report, and says whether the claim was disproven or nothing can be concluded.
 */
export default function meshproof({ Assertion }: Chai.ChaiStatic, utils: Chai.ChaiUtils): void {
  Assertion.addProperty('proven', function (this: Chai.AssertionStatic) {
    const result: unknown = this._obj;
    // A promise would have no verdict, and pass for `not proven`.
    if (!isResult(result)) throw new TypeError('expected the result of a run: was `await` forgotten?');
    const { status } = result.verdict;
    const decided = status === 'healthy' || status === 'unhealthy';
    const negated = utils.flag(this, 'negate') === true;
    const message = failure(result);
    this.assert(decided ? status === 'healthy' : negated, message, message, 'healthy', status, false);
  });
}

function isResult(value: unknown): value is Result {
  return typeof value === 'object' && value !== null && 'verdict' in value && 'assertions' in value;
}

function failure(result: Result): string {
  const { verdict, dir } = result;
  const what = verdict.status === 'healthy' ? 'proven, and expected not to be' : words[verdict.status];
  return [
    `${what}: ${verdict.summary}`,
    '',
    assertionTable(result),
    ...troubleLines(result),
    '',
    `report: ${dir}/report.html`,
  ].join('\n');
}
