import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { initScript } from '../../../src/clusters/embedded/init-script.ts';
import { nice, niceOfSession, sessionFile } from '../../../src/clusters/embedded/priority.ts';

/** Not everybody may, and not in every container. */
function mayRaise(before: number | undefined): boolean {
  if (before === undefined) return false;
  try {
    writeFileSync(sessionFile, String(before - 1));
    writeFileSync(sessionFile, String(before));
    return true;
  } catch {
    return false;
  }
}

describe('who gets the CPU first', () => {
  it('reads the niceness of a session', () => {
    expect(niceOfSession('/autogroup-42 nice 0\n')).to.equal(0);
    expect(niceOfSession('/autogroup-42 nice -10\n')).to.equal(nice);
    expect(niceOfSession('')).to.equal(undefined);
  });

  it('is the session of the harness where that is allowed, and afterwards not any more', () => {
    const now = (): number | undefined =>
      existsSync(sessionFile) ? niceOfSession(readFileSync(sessionFile, 'utf8')) : undefined;
    const before = now();
    const expected = mayRaise(before) ? Math.min(before ?? 0, nice) : before;
    const module = new URL('../../../src/clusters/embedded/priority.ts', import.meta.url).href;
    const script = `const { goBeforePods, niceOfSession } = await import(${JSON.stringify(module)});
      goBeforePods();
      goBeforePods();
      const { existsSync, readFileSync } = await import('node:fs');
      const file = '${sessionFile}';
      console.log(existsSync(file) ? niceOfSession(readFileSync(file, 'utf8')) : undefined);`;
    // In this session, not in one of its own.
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(said.trim()).to.equal(String(expected));
    expect(now(), 'after it has ended').to.equal(before);
  });

  it('is the session of the node', () => {
    const script = initScript({ dir: '/x', keep: [], hostname: 'n' });
    expect(script).to.include(`echo ${nice} > ${sessionFile}`);
  });
});
