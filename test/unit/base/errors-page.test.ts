import { globSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { MeshproofError, type ErrorCode } from '../../../src/base/errors.ts';

const root = new URL('../../../', import.meta.url).pathname;
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');
const codesIn = (text: string): string[] => [...text.matchAll(/MESHPROOF_[A-Z_]+(?=['`:])/g)].map(([code]) => code);

describe('docs/errors.md', () => {
  const rows = read('docs/errors.md')
    .split(/^## /m)
    .flatMap((part) =>
      [...part.matchAll(/^\| `(MESHPROOF_\w+)`/gm)].map(([, code]) => ({ code, exit: Number.parseInt(part, 10) })),
    );

  it('has every code, under its exit code', () => {
    const known = new Set(codesIn(read('src/base/errors.ts')));
    expect(rows.map(({ code }) => code)).to.have.members([...known]);
    for (const { code, exit } of rows) {
      expect(new MeshproofError(code as ErrorCode, '', '').exitCode, code).to.equal(exit);
    }
  });

  it('has no code that nothing raises', () => {
    const raised = new Set(
      globSync('src/**/*.{ts,tsx}', { cwd: root }).flatMap((file) => {
        const text = read(file);
        // The list itself raises nothing, its last lines do; and who only compares raises nothing either.
        const code = file.endsWith('base/errors.ts') ? text.slice(text.indexOf('export function')) : text;
        return codesIn(code.replaceAll(/[!=]== 'MESHPROOF_\w+'/g, ''));
      }),
    );
    expect(rows.filter(({ code }) => !raised.has(code ?? '')).map(({ code }) => code)).to.deep.equal([]);
  });
});
