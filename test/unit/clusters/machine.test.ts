import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { MeshproofError } from '../../../src/base/errors.ts';
import { cgroupLayout } from '../../../src/clusters/embedded/cgroup.ts';
import { judgeEmbedded, type MachineFacts } from '../../../src/clusters/embedded/detect-embedded.ts';
import { shellWord, startScript } from '../../../src/clusters/embedded/init-script.ts';
import { linkOf } from '../../../src/clusters/embedded/link.ts';
import { requireRoot } from '../../../src/clusters/embedded/require-root.ts';
import { together } from '../../../src/base/together.ts';
import { clusters, plannedClusters } from '../../../src/clusters/index.ts';
import { chooseProvider, detectProviders } from '../../../src/clusters/detect.ts';
import { detectDocker } from '../../../src/clusters/docker-engine.ts';

describe('which cluster this machine can have', () => {
  const good: MachineFacts = { platform: 'linux', arch: 'x64', uid: 0, missingPrograms: [], hasCgroups: true };
  const machines: [string, Partial<MachineFacts>, RegExp | undefined][] = [
    ['Linux with root', {}, undefined],
    ['a Mac', { platform: 'darwin', uid: 501 }, /needs Linux, this is darwin/],
    ['an ARM machine', { arch: 'arm64' }, /this is arm64/],
    ['no root', { uid: 1000 }, /needs root, this is uid 1000/],
    ['no nsenter', { missingPrograms: ['nsenter'] }, /needs nsenter/],
    ['no cgroups', { hasCgroups: false }, /needs cgroups/],
  ];
  for (const [what, facts, reason] of machines) {
    it(`embedded on ${what}: ${reason ? 'no, with the reason' : 'yes'}`, () => {
      const detection = judgeEmbedded({ ...good, ...facts });
      expect(detection.usable).to.equal(reason === undefined);
      if (reason) expect(detection.reason).to.match(reason);
    });
  }

  it('gives a reason for every kind of cluster, those too that are not built yet', async () => {
    const detections = await detectProviders();
    const planned = plannedClusters.map(({ name }) => name);
    expect(detections.map(({ provider }) => provider)).to.deep.equal([...clusters.map(({ name }) => name), ...planned]);
    for (const { provider, usable, reason } of detections) {
      expect(reason).to.not.equal('');
      expect(reason.startsWith('not built yet; '), provider).to.equal(planned.includes(provider));
      if (planned.includes(provider)) expect(usable).to.equal(false);
    }
  });

  it('does not wait longer for Docker than it says', async () => {
    expect(await detectDocker(0)).to.match(/within 0 ms|can be reached/);
  });

  it('says that root is all that is missing', async () => {
    const detections = [judgeEmbedded({ ...good, uid: 7 })];
    const error = await chooseProvider('auto', detections).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_NOT_ROOT' });
    expect(() => requireRoot(7))
      .to.throw(MeshproofError)
      .with.property('code', 'MESHPROOF_NOT_ROOT');
    expect(() => requireRoot(0)).to.not.throw();
  });
});

describe('the machine as a node sees it', () => {
  const layouts: [string, string, { version: 1 | 2; mounts: string[] }][] = [
    ['v2', '35 24 0:30 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw', { version: 2, mounts: ['/sys/fs/cgroup'] }],
    [
      'hybrid',
      [
        '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
        '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
        '34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
        '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      ].join('\n'),
      { version: 1, mounts: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified'] },
    ],
    ['none', '27 1 254:0 / / rw - ext4 /dev/vda rw', { version: 2, mounts: [] }],
  ];
  for (const [what, mountInfo, expected] of layouts) {
    it(`cgroups: ${what}`, () => expect(cgroupLayout(mountInfo)).to.deep.equal(expected));
  }

  it('gives every lab a network of its own, and an interface name the kernel takes', () => {
    const all = Array.from({ length: 16_384 }, (_, index) => linkOf(index));
    expect(new Set(all.flatMap(({ hostIp, nodeIp }) => [hostIp, nodeIp])).size).to.equal(2 * 16_384);
    expect(all[0]).to.deep.equal({ name: 'mproof0', hostIp: '10.231.0.1', nodeIp: '10.231.0.2', prefix: 30 });
    expect(all.at(-1)?.nodeIp).to.equal('10.231.255.254');
    expect(Math.max(...all.map(({ name }) => name.length))).to.be.at.most(15);
  });

  it('passes any text through the shell unchanged', () => {
    for (const text of ['plain', "it's", '$HOME `id` "x" \\', '-n', 'a\nb', '*', '']) {
      expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`]).toString()).to.equal(text);
    }
    expect(execFileSync('/bin/sh', ['-c', startScript(['printf', '%s|', 'a b', '$x'], '/tmp')]).toString()).to.equal(
      'a b|$x|',
    );
  });
});

describe('together', () => {
  it('rejects with the first failure, after every task has ended', async () => {
    const ended: string[] = [];
    const failure = new Error('first');
    const work = together(new AbortController().signal, [
      () => Promise.reject(failure),
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () =>
            setTimeout(() => {
              ended.push('second');
              reject(new Error('second'));
            }, 20),
          );
        }),
    ]);
    expect(await work.catch((error: Error) => error)).to.equal(failure);
    expect(ended).to.deep.equal(['second']);
  });

  it('hands an abort from outside to every task', async () => {
    const stop = new AbortController();
    const work = together(stop.signal, [
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    ]);
    stop.abort(new Error('enough'));
    expect(await work.catch((error: Error) => error.message)).to.equal('enough');
  });
});
