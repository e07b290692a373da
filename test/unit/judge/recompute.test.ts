import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Assertion } from '../../../src/judge/assertion.ts';
import { directoryReader } from '../../../src/evidence/reader.ts';
import { recomputeAll } from '../../../src/judge/recompute-all.ts';
import { judge, skipped } from '../../../src/judge/recompute.ts';

describe('judge and recomputeAll', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-judge-'));
    await mkdir(join(dir, 'evidence'));
    await writeFile(join(dir, 'evidence/lists.json'), '{"empty":[],"full":["a"]}');
    await writeFile(join(dir, 'evidence/broken.json'), '{"empty":');
    await writeFile(join(dir, 'evidence/broken.ndjson.gz'), 'not gzip');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const list = (pointer: string, about: object = {}): Promise<Assertion> =>
    judge(
      'list-empty',
      { path: 'evidence/lists.json', pointer },
      { id: pointer, title: `list ${pointer}`, ...about },
      directoryReader(dir),
    );

  it('a control that did not fail makes the claim invalid, in one go', async () => {
    const control = await list('/full', { arm: 'control' });
    expect(control).to.include({ status: 'invalid', observed: 'a: the control did not fail as it must' });
    const claim = await list('/empty', { arm: 'treatment', given: [control] });
    expect(claim).to.include({
      status: 'invalid',
      observed: 'none; no conclusion: list /full: a: the control did not fail as it must',
    });
    expect(claim.recompute).to.deep.include({ role: 'claim', given: ['/full'] });
  });

  it('a proven failure stays one under an invalid control, and a skipped control proves nothing', async () => {
    const control = await list('/full', { arm: 'control' });
    expect((await list('/full', { id: 'x', arm: 'treatment', given: [control] })).status).to.equal('fail');
    const absent = skipped({ id: 'c', title: 'c', expected: 'e', reason: 'the mesh cannot' });
    expect((await list('/empty', { given: [absent] })).status).to.equal('invalid');
  });

  it('links the evidence among its inputs', async () => {
    expect((await list('/empty', { evidence: ['evidence/log.txt'] })).evidence).to.deep.equal([
      'evidence/lists.json',
      'evidence/log.txt',
    ]);
  });

  it('missing or damaged evidence is an error that names the file', async () => {
    for (const [path, text] of [
      ['evidence/none.json', 'is missing'],
      ['evidence/broken.json', 'is not JSON'],
      ['../../etc/passwd', "outside the run's folder"],
    ] as const) {
      const { status, observed } = await judge('list-empty', { path }, { id: 'x', title: 'x' }, directoryReader(dir));
      expect(status).to.equal('error');
      expect(observed).to.contain(path).and.to.contain(text);
    }
    const load = await judge(
      'success-rate-below',
      { load: 'evidence/broken.ndjson.gz', share: 1 },
      { id: 'x', title: 'x' },
      directoryReader(dir),
    );
    expect(load.observed).to.match(/evidence\/broken.ndjson.gz cannot be read/);
  });

  it('recomputes what is stated, in any order', async () => {
    const control = await list('/empty', { id: 'control', arm: 'control' });
    const claim = await list('/empty', { id: 'claim', given: [control] });
    const reader = directoryReader(dir);
    expect(
      await recomputeAll([claim, control, skipped({ id: 's', title: 's', expected: '', reason: '' })], reader),
    ).to.deep.equal([]);
    expect(await recomputeAll([claim], reader))
      .to.have.length(2)
      .and.satisfy((all: string[]) => all[0]!.includes('rests on control, which is not in the report'));
    expect((await recomputeAll([{ ...claim, status: 'fail' }, control], reader))[0]).to.match(
      /claim: stated fail, the evidence says pass/,
    );
    expect((await recomputeAll([{ ...claim, observed: 'nothing' }, control], reader))[0]).to.match(/states "nothing"/);
    expect((await recomputeAll([{ ...claim, expected: 'much' }, control], reader))[0]).to.match(/expects "much"/);
    expect((await recomputeAll([control, control], reader))[0]).to.equal('control: stated twice');
    expect((await recomputeAll([{ ...control, recompute: undefined }], reader))[0]).to.match(/nothing says how/);
    expect((await recomputeAll([{ ...control, recompute: { rule: 'always-pass', inputs: {} } }], reader))[0]).to.match(
      /the evidence says error/,
    );
    expect((await recomputeAll([{ ...control, recompute: { rule: 'constructor', inputs: {} } }], reader))[0]).to.match(
      /there is no rule constructor/,
    );
  });

  it('sees assertions that rest on themselves', async () => {
    const a = await list('/empty', { id: 'a' });
    const b = await list('/empty', { id: 'b', given: [a] });
    a.recompute!.given = ['b'];
    expect((await recomputeAll([a, b], directoryReader(dir))).join()).to.contain('rests on itself');
  });
});
