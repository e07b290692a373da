import { expect } from 'chai';
import { GoBuilds } from '../../../src/tools/go-builds.ts';

const errors = { path: 'errors', version: '' };
const of = (path: string, version = 'v1.0.0') => ({ path, version });

describe('how far Go builds are', () => {
  it('is counted for one by what go says it compiles', () => {
    const build = new GoBuilds().plan([errors, of('a.example/x'), of('a.example/y')]);
    expect(build.text()).to.equal('0 of 3 packages compiled');
    expect(build.compiling('errors')).to.equal(true);
    expect(build.compiling('# a.example/x'), 'a compiler’s message').to.equal(false);
    expect(build.compiling('errors'), 'named twice').to.equal(true);
    expect(build.text()).to.equal('1 of 3 packages compiled');
  });

  it('is counted together too, once for what two have in common', () => {
    const builds = new GoBuilds();
    const one = builds.plan([errors, of('a.example/x')]);
    const two = builds.plan([errors, of('a.example/x', 'v2.0.0'), ...manyPackages(1200)]);
    one.compiling('errors');
    expect(one.text()).to.equal('1 of 2 packages compiled; all 2 builds: 1 of 1,203');
    expect(two.text(), 'errors is in the cache by then').to.equal(
      '1 of 1,202 packages compiled; all 2 builds: 1 of 1,203',
    );
    one.finished();
    expect(two.text(), 'another version is another package').to.equal(
      '1 of 1,202 packages compiled; all 2 builds: 2 of 1,203',
    );
  });
});

const manyPackages = (count: number) => Array.from({ length: count }, (_, i) => of(`b.example/${i}`));
