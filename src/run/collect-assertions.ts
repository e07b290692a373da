import type { Assertion } from '../assert/assertion.ts';

/** The assertions of one experiment in the order of their judgement; `add` gives each back, for claims that build on it. */
export function collectAssertions(): {
  assertions: Assertion[];
  add: (assertion: Promise<Assertion>) => Promise<Assertion>;
} {
  const assertions: Assertion[] = [];
  return {
    assertions,
    add: async (assertion) => {
      const done = await assertion;
      assertions.push(done);
      return done;
    },
  };
}
