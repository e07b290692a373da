import { expect } from 'chai';
import type { BrokenLab } from './broken-lab.ts';

/** Tests of a lab, whichever its mesh: a policy that a scenario is about is not there, and every claim about it is red. */
export function policiesAbsent(broken: BrokenLab): void {
  it('retries absent: the errors reach the caller, and every claim about retries is red', async () => {
    const { cli, red } = await broken.run(
      broken.scenarioWith('retries-recover-errors', (text) =>
        text.replace('attempts: 4', 'attempts: 0').replace('fault: 42', 'fault: 14').replace('1000', '300'),
      ),
    );
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(red.sort(), cli.all).to.deep.equal(
      ['amplification', 'arithmetic', 'attempts', 'proxy-counts-retries', 'success-rate'].map(
        (what) => `retries-recover-errors/${what}`,
      ),
    );
    expect(cli.lastLine).to.match(/^unhealthy: retries-recover-errors: .*retries/);
  });

  it('timeout absent: callers wait, and every claim about the timeout is red', async () => {
    const { cli, red, busy } = await broken.run(
      broken.scenarioWith('timeouts-bound-latency', (text) => text.replace('timeoutMs: 1000', 'timeoutMs: 0')),
    );
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(red, cli.all).to.include('timeouts-bound-latency/status');
    expect([...red, ...busy].sort(), cli.all).to.deep.equal(
      ['p99', 'server-sees-cancellation', 'status'].map((what) => `timeouts-bound-latency/${what}`),
    );
    expect(cli.lastLine).to.match(/^unhealthy: timeouts-bound-latency: /);
  });
}
