import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { chromium, type Browser, type Page } from 'playwright-core';
import { silentProgress } from '../../../src/base/progress.ts';
import { writeReport } from '../../../src/report/write-report.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { exampleReport, type Variant } from '../../unit/report/example-report.ts';

const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

/** The page as readers open it: from a file, without a network, in both themes, on both screens. */
describe('report.html in Chromium', function () {
  this.timeout(600_000);
  let browser: Browser;
  let root: string;

  before(async () => {
    const toolbox = await createToolbox({ progress: silentProgress(), signal: new AbortController().signal });
    const tool = await toolbox.get('chromium');
    browser = await chromium.launch({
      executablePath: tool.bin.chromium!,
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
      env: { ...(process.env as Record<string, string>), ...tool.env },
    });
    root = await mkdtemp(join(tmpdir(), 'meshproof-html-'));
    for (const variant of ['healthy', 'failing', 'interrupted', 'empty'] as const) {
      await writeReport(join(root, variant), await exampleReport(join(root, variant), variant));
    }
  });
  after(async () => {
    await browser?.close();
    if (root) await rm(root, { recursive: true, force: true });
  });

  /** Opens a page and hears everything it complains about or asks for. */
  async function open(
    path: string,
    screen: keyof typeof screens,
    colorScheme: 'light' | 'dark',
  ): Promise<{ page: Page; complaints: string[]; requests: string[] }> {
    const page = await browser.newPage({ viewport: screens[screen], colorScheme });
    // tsx names functions through a helper that the page does not have.
    await page.addInitScript('globalThis.__name = (f) => f');
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(path).href);
    return { page, complaints, requests };
  }

  /** Elements whose own text stands out too little from what is behind it (WCAG AA: 4.5 : 1, large text 3 : 1). */
  const faint = (page: Page): Promise<string[]> =>
    page.evaluate(() => {
      const luminance = ([r, g, b]: number[]): number => {
        const [x, y, z] = [r!, g!, b!].map((c) =>
          c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
        );
        return 0.2126 * x! + 0.7152 * y! + 0.0722 * z!;
      };
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
      const paint = (colors: string[]): number[] => {
        canvas.clearRect(0, 0, 1, 1);
        for (const color of colors) {
          canvas.fillStyle = color;
          canvas.fillRect(0, 0, 1, 1);
        }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
      };
      const found: string[] = [];
      for (const element of document.querySelectorAll('main *:not(svg *)')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== '');
        if (!own || element.getClientRects().length === 0) continue;
        const style = getComputedStyle(element);
        const behind: string[] = [];
        for (let at: Element | null = element; at; at = at.parentElement)
          behind.unshift(getComputedStyle(at).backgroundColor);
        const [a, b] = [luminance(paint([...behind, style.color])), luminance(paint(behind))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const large = Number.parseFloat(style.fontSize) >= 24;
        if (ratio < (large ? 3 : 4.5))
          found.push(
            `${element.tagName}.${element.className} ${ratio.toFixed(2)}: ${element.textContent!.slice(0, 40)}`,
          );
      }
      return found;
    });

  for (const variant of ['healthy', 'failing', 'interrupted', 'empty'] satisfies Variant[]) {
    for (const screen of ['desktop', 'phone'] as const) {
      for (const scheme of ['light', 'dark'] as const) {
        it(`${variant}: quiet, alone, readable, as wide as the screen (${screen}, ${scheme})`, async () => {
          const path = join(root, variant, 'report.html');
          const { page, complaints, requests } = await open(path, screen, scheme);
          try {
            await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
            expect(complaints).to.deep.equal([]);
            expect(requests).to.deep.equal([pathToFileURL(path).href]);
            expect(await page.evaluate(() => document.documentElement.scrollWidth)).to.be.at.most(
              screens[screen].width,
            );
            expect(await faint(page)).to.deep.equal([]);
          } finally {
            await page.close();
          }
        });
      }
    }
  }

  it('says the verdict, why each criterion holds, and shows both arms with the fault shaded', async () => {
    const { page } = await open(join(root, 'healthy/report.html'), 'desktop', 'light');
    const text = await page.innerText('main');
    for (const words of [
      'Healthy',
      '4 of 4 criteria',
      'With retries switched off, it failed as it must',
      'With 4 retries, it held',
      'Every call is mutual TLS',
      'Service map',
      'On the wire',
      'Golden signals',
      'Cluster health',
      'Timings',
      'Environment',
      'report check',
    ]) {
      expect(text).to.contain(words);
    }
    expect(await page.locator('#retries-recover-errors .chart svg').count()).to.equal(4);
    expect(await page.locator('#retries-recover-errors .chart svg text', { hasText: 'fault' }).count()).to.equal(4);
    const boxes = await page
      .locator('#retries-recover-errors .chart svg')
      .evaluateAll((all) => all.map((svg) => svg.getBoundingClientRect().width));
    expect(Math.min(...boxes)).to.be.above(300);
    expect(await page.locator('.map .edge.locked').count()).to.equal(1);
    const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
    expect(new Set(ids).size).to.equal(ids.length);
    for (const href of await page.evaluate(() =>
      [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute('href')!.slice(1)),
    ))
      expect(ids).to.include(href);
    await page.close();
  });

  it('names the broken thing first, in words and not by color alone', async () => {
    const { page } = await open(join(root, 'failing/report.html'), 'phone', 'dark');
    expect(await page.innerText('.verdict h1')).to.contain('Unhealthy');
    expect(await page.innerText('.verdict .summary')).to.contain('tripviewer → trips: plaintext seen');
    expect(await page.locator('.map .edge.open').count()).to.equal(1);
    for (const badge of await page.locator('.badge:not(.plain)').all()) {
      expect(await badge.locator('svg').count()).to.equal(1);
      expect((await badge.textContent())?.trim()).not.to.equal('');
    }
    await page.close();
  });

  it('would hear a page that loads something (the ear itself is tested)', async () => {
    const path = join(root, 'loud.html');
    await writeFile(
      path,
      '<main style="width:3000px;color:#eee;background:#fff"><img src="http://127.0.0.1:9/x.png"><p>pale</p></main><script>console.error("x")</script>',
    );
    const { page, complaints, requests } = await open(path, 'phone', 'light');
    expect(complaints).to.include('x');
    expect(requests).to.have.length(2);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).to.be.above(390);
    expect(await faint(page)).to.have.length(1);
    await page.close();
  });
});
