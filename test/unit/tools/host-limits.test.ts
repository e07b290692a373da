import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { hostLimits, limitProblem, type HostLimit } from '../../../src/tools/host-limits.ts';

describe('limits of the host', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'meshproof-limits-'));
    put({
      'proc/sys/fs/inotify/max_user_instances': '128\n',
      'proc/sys/fs/inotify/max_user_watches': '65536\n',
      'proc/sys/kernel/pid_max': '4194304\n',
      'proc/sys/kernel/threads-max': '30000\n',
      'proc/loadavg': '0.31 0.22 0.10 2/900 12345\n',
      'proc/self/status': 'Name:\tnode\nUid:\t0\t0\t0\t0\n',
      'proc/self/limits':
        'Limit   Soft Limit   Hard Limit   Units\nMax processes             4096      4096      processes\n',
      'proc/self/cgroup': '0::/\n',
    });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const put = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  };
  const limits = (): Record<string, HostLimit> =>
    Object.fromEntries(
      hostLimits({ proc: join(root, 'proc'), cgroup: join(root, 'cgroup') }).map((limit) => [limit.id, limit]),
    );
  /** A process with so many inotify instances, each with two watches, and one other file. */
  const watcher = (pid: number, uid: number, instances: number): void => {
    put({ [`proc/${pid}/status`]: `Uid:\t0\t${uid}\t0\t0\n`, [`proc/${pid}/fd/.keep`]: '' });
    symlinkSync('/dev/null', join(root, `proc/${pid}/fd/1`));
    for (let fd = 2; fd < 2 + instances; fd++) {
      symlinkSync('anon_inode:inotify', join(root, `proc/${pid}/fd/${fd}`));
      put({ [`proc/${pid}/fdinfo/${fd}`]: 'pos:\t0\nflags:\t02\ninotify wd:2 ino:1\ninotify wd:1 ino:2\n' });
    }
  };

  it('are enough on an ordinary machine', () => {
    expect(Object.values(limits()).filter(({ enough }) => !enough)).to.deep.equal([]);
    expect(limits()['pids']).to.include({ limit: 30_000, used: 900 });
    expect(limits()['user-processes']).to.include({ limit: 4096 });
    expect(limitProblem(Object.values(limits()))).to.equal(undefined);
  });

  it('count what this user has in use, and not what others have', () => {
    watcher(10, 0, 40);
    watcher(11, 1000, 80);
    expect(limits()['inotify-instances']).to.include({ limit: 128, used: 40, enough: true });
    expect(limits()['inotify-watches']).to.include({ used: 80 });
    watcher(12, 0, 25);
    expect(limits()['inotify-instances']).to.include({ used: 65, enough: false });
    const problem = limitProblem(Object.values(limits()));
    expect(problem).to.include({ code: 'MESHPROOF_PLATFORM', exitCode: 3 });
    expect(problem?.message).to.equal('fs.inotify.max_user_instances is 128, 65 are used, a lab needs 64');
    expect(problem?.hint).to.include('sysctl -w fs.inotify.max_user_instances=');
  });

  it('of a cgroup count wherever above this process they are set', () => {
    put({
      'proc/self/cgroup': '0::/user.slice/session-3.scope\n',
      'cgroup/user.slice/session-3.scope/pids.max': 'max\n',
      'cgroup/user.slice/session-3.scope/pids.current': '4\n',
      'cgroup/user.slice/pids.max': '2500\n',
      'cgroup/user.slice/pids.current': '600\n',
    });
    expect(limits()['cgroup-pids']).to.include({ limit: 2500, used: 600, enough: false });
    expect(limits()['cgroup-pids']?.what).to.include('/user.slice');
  });

  it('of cgroup version 1 are the pids controller’s, in a container too, which sees only its own', () => {
    put({
      'proc/self/cgroup': '8:pids:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n',
      'cgroup/pids/pids.max': '100\n',
      'cgroup/pids/pids.current': '9\n',
      'cgroup/memory/pids.max': '1\n',
    });
    expect(limits()['cgroup-pids']).to.include({ limit: 100, used: 9, enough: false });
  });

  it('that are not set, or cannot be read, limit nothing', () => {
    for (const name of ['sys', 'self/limits', 'self/cgroup']) rmSync(join(root, 'proc', name), { recursive: true });
    put({ 'proc/self/limits': 'Max processes             unlimited            unlimited            processes\n' });
    expect(Object.values(limits()).map(({ limit }) => limit)).to.deep.equal(Array(5).fill(Infinity));
  });
});
