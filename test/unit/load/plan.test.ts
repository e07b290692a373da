import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LoadSpec } from '../../../src/load/load.ts';
import { planFor, validateLoad } from '../../../src/load/plan.ts';
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
  it('shares rate and VUs among the pods, and interleaves their arrivals', () => {
    const plans = [0, 1].map((index) => planFor(spec, { index, idPrefix: `p${index}` }));
    expect(plans.map((plan) => plan.ratePer1000s)).to.deep.equal([12_500, 12_500]);
    expect(plans.map((plan) => plan.startDelayMs)).to.deep.equal([0, 40]);
    expect(plans.map((plan) => plan.vus)).to.deep.equal([26, 26]);
    expect(plans[0]?.minIterations).to.equal(122);
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
