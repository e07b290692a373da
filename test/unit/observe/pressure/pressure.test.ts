import { expect } from 'chai';
import type { Clock } from '../../../../src/base/clock.ts';
import { pressureFigures } from '../../../../src/observe/pressure/figures.ts';
import { cpuStatPaths, parseCpuStat, parsePsi, parseStat } from '../../../../src/observe/pressure/parse.ts';
import type { PressureSample } from '../../../../src/observe/pressure/pressure.ts';
import { startPressure } from '../../../../src/observe/pressure/start-pressure.ts';

const psi = (us: number): string =>
  `some avg10=80.23 avg60=87.12 avg300=90.86 total=${us}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n`;
const stat = (ticks: string, running: number): string =>
  `cpu  ${ticks}\ncpu0 1 2 3 4 5 6 7 8 9 0\ncpu1 1 2 3 4 5 6 7 8 9 0\nintr 1 2 3\nctxt 5\nprocs_running ${running}\nprocs_blocked 0\n`;

describe('pressure of the machine', () => {
  it('PSI: the microseconds in which some task waited', () => {
    expect(parsePsi(psi(2898001130))).to.deep.equal({ waitingUs: 2898001130 });
    expect(parsePsi('')).to.deep.equal({});
  });

  it('/proc/stat: work, steal and runnable tasks but for the one that looks', () => {
    // user nice system idle iowait irq softirq steal guest guest_nice
    expect(parseStat(stat('100 10 50 200 20 3 7 10 99 0', 7))).to.deep.equal({
      cores: 2,
      totalTicks: 400,
      busyTicks: 170,
      stealTicks: 10,
      runnable: 6,
    });
    expect(parseStat('')).to.deep.equal({ cores: 0 });
  });

  it('cpu.stat of both cgroup versions, found by this process’s own cgroup', () => {
    expect(parseCpuStat('usage_usec 1\nnr_periods 10\nnr_throttled 4\nthrottled_usec 9\n')).to.deep.equal({
      periods: 10,
      throttled: 4,
    });
    expect(parseCpuStat('usage_usec 1\n')).to.deep.equal({});
    expect(cpuStatPaths('9:cpu,cpuacct:/build/7\n0::/init\n')).to.deep.equal([
      '/sys/fs/cgroup/cpu/build/7/cpu.stat',
      '/sys/fs/cgroup/cpu/cpu.stat',
      '/sys/fs/cgroup/init/cpu.stat',
      '/sys/fs/cgroup/cpu.stat',
    ]);
    expect(cpuStatPaths('0::/\n')).to.deep.equal(['/sys/fs/cgroup/cpu.stat']);
  });

  it('figures are differences between the looks that enclose a window', () => {
    const at = (second: number): PressureSample => ({
      at: second * 1000,
      // Nobody waits for 5 s, then somebody always.
      waitingUs: Math.max(0, second - 5) * 1e6,
      totalTicks: second * 200,
      busyTicks: second * 150,
      stealTicks: second * 20,
      runnable: second < 5 ? 1 : 8,
      periods: second * 10,
      throttled: second,
    });
    const facts = { cores: 2, sources: [], samples: Array.from({ length: 11 }, (_, second) => at(second)) };
    expect(pressureFigures(facts, { fromMs: 1500, toMs: 3500 })).to.deep.equal({
      seconds: 3,
      waiting: 0,
      runnablePerCore: 0.5,
      busy: 0.75,
      steal: 0.1,
      throttled: 0.1,
    });
    expect(pressureFigures(facts, { fromMs: 6000, toMs: 9000 })).to.include({
      seconds: 3,
      waiting: 1,
      runnablePerCore: 4,
    });
    expect(pressureFigures(facts)).to.include({ seconds: 10, waiting: 0.5 });
    expect(pressureFigures({ ...facts, samples: [at(1)] })).to.equal(undefined);
    // Counters that the kernel brings up to date only after the first look.
    const late = [at(6), { ...at(8), waitingUs: 3.2e6 }];
    expect(pressureFigures({ ...facts, samples: late })).to.include({ waiting: 1 });
  });

  it('the observer looks at both ends and in between, and says what it read', async () => {
    let now = 0;
    let looks = 0;
    let resolveEnough: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => (resolveEnough = resolve));
    const clock: Clock = {
      now: () => now,
      monotonicMs: () => now,
      sleep: async (ms, signal) => {
        now += ms;
        if (++looks === 4) {
          resolveEnough();
          await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        }
      },
    };
    const files = new Map([
      ['/proc/pressure/cpu', psi(5)],
      ['/proc/stat', stat('100 10 50 200 20 3 7 10 99 0', 3)],
      ['/proc/self/cgroup', '0::/\n'],
    ]);
    const observer = await startPressure({ clock, intervalMs: 100, read: async (path) => files.get(path) });
    await enough;
    const { sources, samples, cores } = await observer.stop();
    expect({ sources, cores, at: samples.map(({ at }) => at) }).to.deep.equal({
      sources: ['psi', 'stat'],
      cores: 2,
      at: [0, 100, 200, 300, 400],
    });
    expect((await observer.stop()).samples).to.have.length(5);
  });

  it('a system without these files has no figures, and no error', async () => {
    const quick: Clock = {
      now: () => 1,
      monotonicMs: () => 1,
      sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
    };
    const observer = await startPressure({ clock: quick, read: async () => undefined });
    const facts = await observer.stop();
    expect(facts.sources).to.deep.equal([]);
    expect(pressureFigures(facts)).to.equal(undefined);
  });

  it('this machine tells something', async () => {
    await using observer = await startPressure({
      clock: { now: Date.now, monotonicMs: () => performance.now(), sleep: () => new Promise((r) => setImmediate(r)) },
    });
    const { sources, cores } = await observer.stop();
    expect(sources.includes('stat')).to.equal(process.platform === 'linux');
    expect(cores > 0).to.equal(process.platform === 'linux');
  });
});
