import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { silentProgress } from '../../../src/base/progress.ts';
import { runCommand } from '../../../src/base/process.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

/** From the user's own cache: 110 MB are not fetched for every test run. */
describe('Chromium', function () {
  this.timeout(300_000);
  const directory = mkdtempSync(join(tmpdir(), 'meshproof-chromium-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  const screenshot = async (program: string, name: string, html: string): Promise<Buffer> => {
    const page = join(directory, `${name}.html`);
    const image = join(directory, `${name}.png`);
    writeFileSync(page, html);
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
    await runCommand(
      [
        ...[
          program,
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--no-first-run',
          ...quiet,
          '--window-size=300,200',
        ],
        ...[`--user-data-dir=${join(directory, 'profile')}`, `--screenshot=${image}`, pathToFileURL(page).href],
      ],
      // Nothing but the tool itself: no display, no bus, no library path.
      { env: { HOME: directory, DISPLAY: '' }, timeoutMs: 120_000 },
    );
    return readFileSync(image);
  };

  it('draws a page, with letters', async () => {
    const toolbox = createToolbox({ progress: silentProgress(), signal: new AbortController().signal });
    const { bin } = await toolbox.get('chromium');
    const blank = await screenshot(bin.chromium ?? '', 'blank', '<p style="font: 20px sans-serif">&nbsp;');
    const letters = await screenshot(bin.chromium ?? '', 'letters', '<p style="font: 20px sans-serif">mesh');
    const others = await screenshot(bin.chromium ?? '', 'others', '<p style="font: 20px sans-serif">proof');
    expect(blank.subarray(1, 4).toString()).to.equal('PNG');
    expect(letters.equals(blank), 'letters are drawn').to.equal(false);
    // Without a font every letter is the same box.
    expect(letters.equals(others), 'letters differ').to.equal(false);
  });
});
