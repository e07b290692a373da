import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { formatFinding } from '../../../src/base/yaml-file.ts';
import { catalogue, loadScenarios, parseFile, parseScenario, parseSuite } from '../../../src/scenario/load.ts';

const wire = 'id: a\ntitle: b\ncriterion: { id: c, title: d }\nexperiment: wire\n';
const said = (text: string): string[] => parseScenario(text, 'f.yaml').findings.map(formatFinding);

describe('scenario files', () => {
  it('get their defaults', () => {
    const { value } = parseScenario(`${wire}load: {}\n`, 'f.yaml');
    expect(value).to.deep.include({ experiment: 'wire', load: { rps: 20, seconds: 6 } });
  });

  it('are refused with file, line, column, path, what was expected and what was there', () => {
    expect(said(`${wire}load:\n  rps: fast\n`)).to.deep.equal([
      'f.yaml:6:8: load.rps: expected number, received string; got "fast"',
    ]);
    expect(said(`${wire}load:\n  secods: 3\n`)).to.deep.equal([
      'f.yaml:6:3: load.secods: unknown field `secods`; did you mean `seconds`?',
    ]);
    expect(said(wire.replace('wire', 'wires'))[0]).to.match(/f\.yaml:4:13: experiment: .*did you mean `wire`/);
    expect(said('')[0]).to.match(/^f\.yaml:1:1: /);
    expect(said('id: [')[0]).to.match(/^f\.yaml:1:\d+: not YAML/);
  });

  it('report every mistake at once', () => {
    expect(said(`${wire}load:\n  rps: -1\n  seconds: -1\n  x: 1\n`)).to.have.length(3);
  });

  it('that come with meshproof are all sound, and in a suite', async () => {
    const { scenarios } = await catalogue();
    const suite = await loadScenarios(['success-criteria']);
    const all = await loadScenarios(['success-criteria', 'overhead']);
    expect(all.map(({ id }) => id).sort()).to.deep.equal([...scenarios.keys()].sort());
    expect(await loadScenarios(['success-criteria', 'mtls-everywhere'])).to.have.length(suite.length);
  });

  it('of one’s own, and suites of them, are given by path', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'meshproof-scenarios-'));
    try {
      const file = async (name: string, text: string): Promise<string> => {
        await writeFile(join(dir, name), text);
        return join(dir, name);
      };
      const own = await file('a.yaml', `${wire}load: {}\n`);
      const suite = await file('suite.yaml', 'id: s\ntitle: t\nscenarios: [a, golden-signals]\n');
      expect((await loadScenarios([own])).map(({ id }) => id)).to.deep.equal(['a']);
      expect((await loadScenarios([suite, own])).map(({ id }) => id)).to.deep.equal(['a', 'golden-signals']);
      expect(parseFile(await readFile(suite, 'utf8'), suite).findings).to.deep.equal([]);
      const twin = await file('twin.yaml', `${wire}load: {}\n`);
      const error = await loadScenarios([own, twin]).catch((e: unknown) => e);
      expect(error).to.have.property('code', 'MESHPROOF_SCENARIO_INVALID');
      expect((error as Error).message).to.equal(`${twin}:1:1: id: a is also the id of ${own}`);
      const lost = await loadScenarios([
        await file('lost.yaml', 'id: s\ntitle: t\nscenarios: [golden-signal]\n'),
      ]).catch((e: unknown) => e);
      expect((lost as Error).message).to.match(/did you mean `golden-signals`/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('a suite names at least one scenario', () => {
    expect(parseSuite('id: a\ntitle: b\nscenarios: []\n', 's.yaml').findings).to.have.length(1);
  });
});
