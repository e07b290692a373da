import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeReport } from '../../../src/report/write-report.ts';
import { exampleReport, variants } from './example-report.ts';

const golden = new URL('./golden/', import.meta.url);

/** `UPDATE_GOLDEN=1 npx mocha test/unit/report/golden.test.ts` writes them anew: read the diff before you commit it. */
const update = process.env.UPDATE_GOLDEN === '1';

describe('what the writers write', () => {
  for (const variant of variants) {
    it(`of a run that is ${variant} is what it was`, async () => {
      const root = await mkdtemp(join(tmpdir(), 'meshproof-golden-'));
      try {
        const dir = join(root, variant);
        await writeReport(dir, await exampleReport(dir, variant));
        // The page of one variant is long enough: the others differ in what summary.md shows too.
        const files =
          variant === 'healthy' || variant === 'failing'
            ? ['report.json', 'report.html', 'junit.xml', 'summary.md', 'manifest.sha256']
            : ['junit.xml', 'summary.md'];
        for (const file of files) {
          const written = await readFile(join(dir, file), 'utf8');
          const path = new URL(`${variant}.${file}`, golden);
          if (update) await writeFile(path, written);
          const wanted = await readFile(path, 'utf8');
          if (written !== wanted) expect(written.split('\n'), `${variant}.${file}`).to.deep.equal(wanted.split('\n'));
        }
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    });
  }
});
