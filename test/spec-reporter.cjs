// Mocha's spec reporter, plus a JSON line with the counts for test/check.ts (mocha takes one reporter only).
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      if (process.env.MESHPROOF_TEST_COUNTS) writeFileSync(process.env.MESHPROOF_TEST_COUNTS, JSON.stringify({ passes, failures, pending }));
    });
  }
};
