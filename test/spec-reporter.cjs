// Mocha's spec reporter, plus a JSON file with the counts and the titles of what failed for test/check.ts (mocha takes one
// reporter only).
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const titles = [];
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) => titles.push(`${test.fullTitle()}: ${String(error.message).split('\n')[0]}`));
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      if (process.env.MESHPROOF_TEST_COUNTS)
        writeFileSync(process.env.MESHPROOF_TEST_COUNTS, JSON.stringify({ passes, failures, pending, titles }));
    });
  }
};
