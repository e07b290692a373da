import { expect } from 'chai';
import { stepsTaken, type ContainerStatus } from '../../../src/kube/pod-status.ts';

describe('how far a pod has come', () => {
  const container = (name: string, status: Partial<ContainerStatus> = {}): ContainerStatus => ({
    name,
    ready: false,
    restartCount: 0,
    ...status,
  });
  const steps = (init: ContainerStatus[], containers: ContainerStatus[]): number =>
    stepsTaken({
      metadata: { name: 'trips-1' },
      status: { initContainerStatuses: init, containerStatuses: containers },
    });
  const running = { state: { running: {} } };

  it('grows with every container that runs, is started, is ready or has ended well', () => {
    const states = [
      steps([container('init'), container('proxy')], [container('app')]),
      steps([container('init', running), container('proxy')], [container('app')]),
      steps([container('init', { state: { terminated: { exitCode: 0 } }, ready: true }), container('proxy')], []),
      steps(
        [container('init', { state: { terminated: { exitCode: 0 } }, ready: true }), container('proxy', running)],
        [],
      ),
    ];
    expect(states).to.deep.equal([0, 1, 2, 3]);
    expect(steps([], [container('app', { ...running, started: true, ready: true })])).to.equal(3);
  });

  it('is nothing for a container that ended badly or waits', () => {
    const failed = container('init', { state: { terminated: { exitCode: 1 } }, restartCount: 2 });
    const waits = container('app', { state: { waiting: { reason: 'CrashLoopBackOff' } }, restartCount: 2 });
    expect(steps([failed], [waits])).to.equal(0);
    expect(stepsTaken({ metadata: { name: 'just-made' } })).to.equal(0);
  });
});
