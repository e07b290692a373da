import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { clusters } from '../../../src/clusters/index.ts';
import { meshes } from '../../../src/meshes/index.ts';
// @ts-expect-error a plain module, for eslint loads it
import { entriesBelow, entryNamesRule } from '../../entry-names.mjs';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

describe('names of entries', () => {
  let root = '';
  const file = (path: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  };
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'meshproof-lint-'));
    for (const path of ['src/meshes/toymesh/index.ts', 'src/meshes/proxies/help.ts', 'src/clusters/kind/index.ts'])
      file(path);
    file('apps/shop/app.yaml');
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** What the rule says about a text in that place. */
  function lint(path: string, text: string): string[] {
    const linter = new Linter({ cwd: root });
    const found = linter.verify(
      text,
      [
        {
          files: ['**/*.ts'],
          languageOptions: { parser: tseslint.parser as Linter.Parser },
          plugins: { own: { rules: { names: entryNamesRule(root) } } },
          rules: { 'own/names': 'error' },
        },
      ],
      { filename: join(root, path) },
    );
    return found.map(({ message }) => message);
  }

  const texts: [string, string][] = [
    ['a string', `run('toymesh');`],
    ['a part of a string', `run('toymesh-system');`],
    ['a template', 'run(`in ${1} toymesh`);'],
    ['an import', `import '../meshes/toymesh/index.ts';`],
    ['a variable', 'const toymeshAdapter = 1;'],
    ['a type', 'type ToymeshOptions = 1;'],
    ['the end of a variable', 'const isToymesh = 1;'],
    ['a variable that writes it in two words', 'const toyMeshAdapter = 1;'],
    ['a variable of the environment', 'const x = { TOYMESH_TOKEN: 1 };'],
    ['a key', 'const x = { toymesh: 1 };'],
    ['an app of apps/', `load('shop');`],
  ];
  for (const [what, text] of texts) {
    it(`are found elsewhere as ${what}`, () => {
      const [message, ...others] = lint('src/run/run.ts', text);
      expect(others).to.deep.equal([]);
      expect(message).to.match(
        /^(toymesh|shop) is an entry of a registry: its name belongs into (src\/meshes\/toymesh|apps\/shop)\/ and /,
      );
    });
  }

  it('may stand in their own folder, in the index of their registry, and outside of src/', () => {
    for (const path of ['src/meshes/toymesh/deep/x.ts', 'src/meshes/index.ts', 'test/unit/x.ts', 'src/tools/tool.ts']) {
      expect(lint(path, `run('toymesh');`), path).to.deep.equal([]);
    }
    expect(lint('src/clusters/index.ts', `run('toymesh');`)).to.have.length(1);
    expect(lint('src/apps/default-app.ts', `run('shop');`)).to.deep.equal([]);
  });

  it('are those of folders that have an entry in them, everyday words apart', () => {
    expect(
      lint('src/run/run.ts', `const kind = 'proxies'; // toymesh\nconst meshOptions = untoymeshed;`),
    ).to.deep.equal([]);
  });

  it('of this repository are all watched', () => {
    const watched = (entriesBelow(repository) as { name: string }[]).map(({ name }) => name);
    expect(watched).to.include.members([...Object.keys(meshes), ...clusters.map(({ name }) => name)]);
  });
});
