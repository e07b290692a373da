import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LoadSpec } from '../../../src/load/load.ts';
import { expectedRequests, planFor, validateLoad } from '../../../src/load/plan.ts';
import { runCommand } from '../../../src/base/process.ts';
import { k6Script, loadFiles, loadPod, workDir } from '../../../src/load/load-pod.ts';

const spec: LoadSpec = {
  client: 'caller',
  namespace: 'trial',
  targets: [{ name: 'trips', url: 'http://trips/api/trips' }],
  rps: 25,
  durationMs: 10_000,
  maxVUs: 51,
  requestTimeoutMs: 2000,
  pods: 2,
};

describe('plan of a load', () => {
  it('is one load whose segments the pods have: the same rate, and VUs that they can share equally', () => {
    const pods = 3;
    const plans = [0, 1, 2].map((index) => planFor({ ...spec, pods, maxVUs: 50 }, { index, idPrefix: 'p' }));
    const executionSegmentSequence = '0,1/3,2/3,1';
    expect(plans.map(({ segment }) => segment)).to.deep.equal([
      { executionSegment: '0:1/3', executionSegmentSequence },
      { executionSegment: '1/3:2/3', executionSegmentSequence },
      { executionSegment: '2/3:1', executionSegmentSequence },
    ]);
    for (const plan of plans) expect(plan).to.include({ ratePer1000s: 25_000, vus: 51 });
    expect(planFor({ ...spec, pods: 1 }, { index: 0, idPrefix: 'p' })).to.deep.include({ segment: undefined, vus: 51 });
  });

  it('asks of each pod no more than the arrivals that are its own', () => {
    // 0..9 of ten: 0, 3, 6, 9 and 1, 4, 7 and 2, 5, 8.
    const ten = { ...spec, rps: 1, pods: 3 };
    const least = [0, 1, 2].map((index) => Math.ceil(expectedRequests(ten, index)));
    expect(least).to.deep.equal([4, 3, 3]);
    expect(expectedRequests({ ...ten, pods: 20, durationMs: 2000 }, 12)).to.equal(0);
    expect(expectedRequests({ ...spec, pods: 1 })).to.equal(250);
  });

  it('puts the planted token into query, header and body', () => {
    const targets = [
      { name: 'get', url: 'http://trips/api/trips?limit=1', headers: { a: 'b' } },
      { name: 'post', method: 'POST' as const, url: 'http://trips/{token}/x', body: '{"name":"{token}"}' },
    ];
    const [get, post] = planFor({ ...spec, targets, plantedToken: 'c4n' }, { index: 0, idPrefix: 'p' }).targets;
    expect(get?.url).to.equal('http://trips/api/trips?limit=1&planted-token=c4n');
    expect(get?.headers).to.deep.equal({ a: 'b', 'x-meshproof-planted-token': 'c4n' });
    expect(post?.url).to.equal('http://trips/c4n/x');
    expect(post?.body).to.equal('{"name":"c4n"}');
  });

  it('adds nothing without a planted token', () => {
    const [target] = planFor(spec, { index: 0, idPrefix: 'p' }).targets;
    expect(target).to.deep.include({
      url: 'http://trips/api/trips',
      headers: {},
      body: null,
      method: 'GET',
      expectStatus: 200,
    });
  });

  const wrong: [string, Partial<LoadSpec>][] = [
    ['no targets', { targets: [] }],
    ['is not a URL', { targets: [{ name: 'x', url: 'trips' }] }],
    ['rps 0', { rps: 0 }],
    ['rps NaN', { rps: NaN }],
    ['durationMs 10', { durationMs: 10 }],
    ['requestTimeoutMs 0', { requestTimeoutMs: 0 }],
    ['pods 1.5', { pods: 1.5 }],
    ['maxVUs 1 ', { maxVUs: 1 }],
  ];
  for (const [message, change] of wrong) {
    it(`refuses: ${message}`, () => {
      expect(() => validateLoad({ ...spec, ...change }))
        .to.throw(message)
        .with.property('code', 'MESHPROOF_SCENARIO_INVALID');
    });
  }

  it('keeps shell and script intact on the way through Kubernetes, and names the identity', () => {
    const pod = loadPod({ name: 'x', namespace: 'trial', client: 'caller', image: 'i' });
    const script = String(pod['spec'].containers[0].command[3]);
    // An odd number of dollars in a row would be eaten.
    expect((script.match(/\$+/g) ?? []).filter((dollars) => dollars.length % 2 === 1)).to.deep.equal([]);
    expect(pod['spec'].serviceAccountName).to.equal('caller');
    expect(pod['spec'].topologySpreadConstraints[0]).to.include({ whenUnsatisfiable: 'ScheduleAnyway' });
    expect(pod.metadata.labels).to.include({ app: 'caller' });
  });

  it('puts script and plan into a folder of the load’s own, whatever they say, and removes those before', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshproof-files-'));
    try {
      await mkdir(join(folder, 'load-before'));
      const own = join(folder, 'own.ts');
      await writeFile(own, 'export default () => console.log("it\'s $HOME `date` \\\\n");\n');
      const plan = planFor({ ...spec, script: own }, { index: 0, idPrefix: 'p' });
      const { exitCode, stderr } = await runCommand(['sh'], {
        input: loadFiles('load-a0', plan, own).replaceAll(workDir, folder),
      });
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      const read = (name: string): Promise<string> => readFile(join(folder, 'load-a0', name), 'utf8');
      expect((await read('load.js')).trim()).to.equal(k6Script(own).trim());
      expect(JSON.parse(await read('plan.json'))).to.deep.equal(plan);
      expect((await readdir(folder)).sort()).to.deep.equal(['load-a0', 'own.ts']);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
