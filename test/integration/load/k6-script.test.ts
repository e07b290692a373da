import { spawn, type ChildProcess } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { quantile } from '../../../src/base/quantile.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { logEvents } from '../../../src/kube/log-events.ts';
import { readK6Files } from '../../../src/load/k6-files.ts';
import { k6Script, loadScript } from '../../../src/load/load-pod.ts';
import { readOutcome, type K6Outcome } from '../../../src/load/outcome.ts';
import { expectedRequests, planFor } from '../../../src/load/plan.ts';
import type { LoadSample, LoadSpec } from '../../../src/load/load.ts';
import { mergeSegments } from '../../../src/load/merge-segments.ts';
import { iterationOf } from '../../../src/load/samples.ts';
import { toolPath } from '../faults/tool-path.ts';

interface Seen {
  id: string;
  at: number;
  url: string;
  plantedToken: string | undefined;
  body: string;
}

describe('k6 in its container', () => {
  let tools: Awaited<ReturnType<typeof toolPath>>;
  let server: Server;
  let seen: Seen[];
  let answer: (index: number, id: string) => { status: number; body: string; delayMs: number };
  let work: string;
  let child: ChildProcess | undefined;
  let children: ChildProcess[];

  before(async function () {
    this.timeout(900_000);
    tools = await toolPath({ k6: ['k6'], busybox: ['busybox'] });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const header = (name: string) => request.headers[name]?.toString();
        const id = header('x-meshproof-request-id') ?? '';
        const { status, body: text, delayMs } = answer(seen.length, id);
        seen.push({
          id,
          at: Date.now(),
          url: request.url ?? '',
          plantedToken: header('x-meshproof-planted-token'),
          body,
        });
        setTimeout(() => (status === 0 ? request.socket.destroy() : response.writeHead(status).end(text)), delayMs);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await tools[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    seen = [];
    children = [];
    answer = () => ({ status: 200, body: 'trips', delayMs: 2 });
    work = await mkdtemp('/var/tmp/meshproof-k6-');
  });
  afterEach(async () => {
    for (const each of children) each.kill('SIGKILL');
    await rm(work, { recursive: true, force: true });
  });

  const spec = (change: Partial<LoadSpec> = {}): LoadSpec => ({
    client: 'caller',
    namespace: 'n',
    targets: [
      {
        name: 'trips',
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/trips`,
        expectBody: 'trips',
      },
    ],
    rps: 50,
    durationMs: 2000,
    maxVUs: 20,
    requestTimeoutMs: 500,
    ...change,
  });

  const give = async (name: string, load: LoadSpec, script = k6Script(), index = 0, folder = work): Promise<void> => {
    await rm(join(folder, name), { recursive: true, force: true });
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'load.js'), script);
    await writeFile(join(folder, name, 'plan.json'), JSON.stringify(planFor(load, { index, idPrefix: 'p' })));
  };

  /** The container's program with the files of a load, on this machine. */
  async function start(
    load: LoadSpec,
    script = k6Script(),
    index = 0,
    folder = work,
  ): Promise<{ ended: () => Promise<K6Outcome>; exitOf: (name: string) => Promise<number> }> {
    await give('one', load, script, index, folder);
    let log = '';
    const started = spawn('busybox', ['sh', '-c', loadScript()], {
      env: { PATH: `${tools.directory}:/usr/bin:/bin`, HOME: folder, MP_WORK: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    children.push(started);
    started.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const closed = new Promise<void>((resolve) => started.once('close', () => resolve()));
    const exitOf = (name: string): Promise<number> =>
      pollUntil<number>(
        async () => {
          const exited = logEvents(log).find(({ event, fields }) => event === 'exited' && fields['load'] === name);
          return exited ? { ready: Number(exited.fields['code']) } : { pending: 'not ended' };
        },
        { what: `last words of ${name}`, timeoutMs: 60_000 },
      );
    const ended = async (): Promise<K6Outcome> => {
      const exitCode = await exitOf('one');
      expect(started.exitCode, 'captures and sidecars still need the pod').to.equal(null);
      started.kill('SIGTERM');
      await closed;
      const files = await readK6Files((name, consume) => consume(createReadStream(join(folder, 'one', name))), {
        idPrefix: 'p',
        targets: load.targets,
      });
      return readOutcome({ ...files, exitCode }, { pod: `here-${index}`, requests: expectedRequests(load, index) });
    };
    await pollUntil(
      async () => (log.includes('meshproof waiting') ? { ready: true } : { pending: 'not at the gate' }),
      { what: 'gate', timeoutMs: 10_000 },
    );
    return { ended, exitOf };
  }

  async function run(load: LoadSpec, script?: string): Promise<K6Outcome> {
    const { ended } = await start(load, script);
    await writeFile(join(work, 'gate'), 'one\n');
    return await ended();
  }

  it('sends nothing before the gate opens, then every arrival, each with a sample of its own', async () => {
    const load = spec({ plantedToken: 'pl4nt3d' });
    const { ended } = await start(load);
    expect(seen).to.deep.equal([]);
    await writeFile(join(work, 'gate'), 'one\n');
    const outcome = await ended();
    expect(outcome.problems).to.deep.equal([]);
    expect(outcome.samples.length).to.equal(seen.length);
    expect(seen.length).to.be.within(98, 102);
    const byId = new Map(outcome.samples.map((sample) => [sample.requestId, sample]));
    for (const { id, at, url, plantedToken } of seen) {
      const sample = byId.get(id);
      expect(sample, id).to.include({ status: 200, ok: true, errorCode: 0 });
      expect(sample?.startedAt).to.be.at.most(at);
      expect(url).to.equal('/api/trips?planted-token=pl4nt3d');
      expect(plantedToken).to.equal('pl4nt3d');
    }
  });

  it('runs one load after another, each in a folder of its own, and uses no time in between', async () => {
    const load = spec({ durationMs: 1000 });
    const { ended, exitOf } = await start(load);
    const cpuTicks = async (): Promise<number> => {
      const stat = (await readFile(`/proc/${child?.pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
      return [11, 12, 13, 14].reduce((sum, field) => sum + Number(stat[field]), 0);
    };
    const before = await cpuTicks();
    await delay(1000);
    expect(await cpuTicks()).to.equal(before);
    await give('two', { ...load, rps: 10 });
    await writeFile(join(work, 'gate'), 'two\n');
    expect(await exitOf('two')).to.equal(0);
    const first = await readFile(join(work, 'two', 'samples.csv'), 'utf8');
    await writeFile(join(work, 'gate'), 'one\n');
    const outcome = await ended();
    expect(outcome.problems).to.deep.equal([]);
    expect(outcome.samples.length).to.be.within(48, 52);
    expect(await readFile(join(work, 'two', 'samples.csv'), 'utf8')).to.equal(first);
  });

  it('tells apart wrong status, wrong body, no connection and a timeout', async () => {
    answer = (index) =>
      [
        { status: 200, body: 'trips', delayMs: 0 },
        { status: 503, body: 'no', delayMs: 0 },
        { status: 200, body: '{"error":"inside"}', delayMs: 0 },
        { status: 0, body: '', delayMs: 0 },
        { status: 200, body: 'trips', delayMs: 1500 },
      ][index % 5] ?? { status: 200, body: '', delayMs: 0 };
    const outcome = await run(spec({ maxVUs: 50 }));
    expect(outcome.problems).to.deep.equal([]);
    const kinds = new Set(outcome.samples.map(({ status, ok, errorCode }) => `${status} ${ok} ${errorCode}`));
    // 1050: client timeout; 1101 or 1220: connection ended by the server.
    expect([...kinds].filter((kind) => !/^0 false 1\d\d\d$/.test(kind)).sort()).to.deep.equal([
      '200 false 0',
      '200 true 0',
      '503 false 1503',
    ]);
    const timeouts = outcome.samples.filter((sample) => sample.errorCode === 1050);
    expect(timeouts.length).to.be.greaterThan(10);
    for (const sample of timeouts) expect(sample.durationMs).to.be.at.least(490);
  });

  it('looks for patterns and for parts of JSON, as the app file asks', async () => {
    answer = (index) => ({
      status: 200,
      body: index % 2 === 0 ? '{"id":1,"more":[2]}' : '{"id":2,"more":[]}',
      delayMs: 0,
    });
    const [target] = spec().targets;
    const targets = [
      { ...target!, expectBody: undefined, expectPattern: '"id":[12],' },
      { ...target!, expectBody: undefined, expectJson: { more: [2] } },
    ];
    const outcome = await run(spec({ targets, maxVUs: 1, rps: 20 }));
    expect(outcome.problems).to.deep.equal([]);
    const failed = outcome.samples.filter(({ ok }) => !ok).length;
    // Every other request looks for the list, and gets the empty one.
    expect(failed).to.be.within(outcome.samples.length / 2 - 3, outcome.samples.length / 2 + 3);
  });

  it('runs a script of the app’s own: several requests an iteration, each a sample; what bypasses `send` is noticed', async () => {
    const own = async (text: string): Promise<string> => {
      await writeFile(join(work, 'own.ts'), text);
      return k6Script(join(work, 'own.ts'));
    };
    answer = (index) => ({ status: 200, body: `basket ${index}`, delayMs: 0 });
    const head = "import { send } from 'meshproof/k6';\nexport { options, handleSummary } from 'meshproof/k6';\n";
    const script = await own(
      `${head}export default function () {
        const basket: string = send('trips', { path: '/basket', expectPattern: 'basket [0-9]+' }).body;
        send('trips', { method: 'POST', path: '/order', body: basket, expectStatus: 201 });
      }`,
    );
    const load = spec({ rps: 20, script: join(work, 'own.ts') });
    const outcome = await run(load, script);
    expect(outcome.problems).to.deep.equal([]);
    expect(outcome.samples).to.have.length(seen.length);
    expect(seen.length).to.be.within(76, 84);
    expect(new Set(outcome.samples.map(({ requestId }) => requestId)).size).to.equal(seen.length);
    expect(outcome.samples.filter(({ ok }) => ok)).to.have.length(seen.length / 2);
    expect(
      seen
        .filter(({ url }) => url === '/order')
        .every(({ body, id }) => body.startsWith('basket ') && id.endsWith('.1')),
    ).to.equal(true);

    const bypass = await own(
      `import http from 'k6/http';\n${head}export default function () { send('trips', { path: '/a' }); http.get('${spec().targets[0]!.url}'); }`,
    );
    expect((await run(load, bypass)).problems.join()).to.match(/\d+ samples of \d+ requests/);
    const unknown = await run(load, await own(`${head}export default function () { send('cart', { path: '/a' }); }`));
    expect(unknown.problems.join()).to.match(/iterations failed in the script: .*no service cart under load: trips/);
  });

  it('keeps up its rate when the service is slow, and says so when it cannot', async () => {
    answer = () => ({ status: 200, body: 'trips', delayMs: 400 });
    expect((await run(spec({ maxVUs: 40 }))).problems).to.deep.equal([]);
    const starved = await run(spec({ maxVUs: 4 }));
    expect(starved.dropped).to.be.greaterThan(0);
    expect(starved.problems.join()).to.contain('dropped').and.to.contain('were asked for');
    expect(starved.exitCode).to.equal(99);
  });

  it('says of each request how late it began: what a machine without time for k6 does to it', async () => {
    const pauseMs = 400;
    const load = spec({ maxVUs: 60 });
    const { ended } = await start(load);
    await writeFile(join(work, 'gate'), 'one\n');
    await pollUntil(async () => (seen.length > 20 ? { ready: true } : { pending: `${seen.length} requests` }), {
      what: 'requests',
      timeoutMs: 20_000,
    });
    const k6 = Number(await readFile(join(work, 'one', 'k6.pid'), 'utf8'));
    process.kill(k6, 'SIGSTOP');
    await delay(pauseMs);
    process.kill(k6, 'SIGCONT');
    const { samples } = await ended();
    const late = samples.map(({ lateMs }) => lateMs ?? Number.NaN);
    expect(Math.max(...late)).to.be.at.least(pauseMs - 50);
    // 50 requests a second: about 20 were due meanwhile, the later ones less late.
    expect(late.filter((ms) => ms > 50).length).to.be.at.least(15);
    // Each began so long after its time: the times themselves are 20 ms apart, whatever happened.
    const due = samples
      .filter(({ lateMs = 0 }) => lateMs > 0)
      .map(({ requestId, startedAt, lateMs = 0 }) => startedAt - lateMs - Number(requestId.split('-')[1]) * 20);
    expect(Math.max(...due) - Math.min(...due)).to.be.at.most(1);
  });

  it('is one load in three processes as in one: the same requests, each of one of them, and their quantiles', async () => {
    const steps = [20, 120, 220, 320];
    answer = (_, id) => ({ status: 200, body: 'trips', delayMs: steps[(Number(id.split('-')[1]) * 7) % 4] ?? 0 });
    const load = spec({ rps: 30, durationMs: 4000, maxVUs: 30 });
    const whole = mergeSegments(load, [await run(load)]);

    const shared = { ...load, pods: 3 };
    const parts = await Promise.all(
      [0, 1, 2].map((index) => start(shared, k6Script(), index, join(work, `pod-${index}`))),
    );
    const beginAt = Date.now() + 4000;
    await Promise.all([0, 1, 2].map((index) => writeFile(join(work, `pod-${index}`, 'gate'), `one ${beginAt}\n`)));
    const outcomes = await Promise.all(parts.map(({ ended }) => ended()));
    const merged = mergeSegments(shared, outcomes);

    expect(whole.problems).to.deep.equal([]);
    expect(merged.problems).to.deep.equal([]);
    const ids = (samples: readonly LoadSample[]): number[] => samples.map(iterationOf).sort((a, b) => a - b);
    const expected = Array.from({ length: 120 }, (_, iteration) => iteration);
    // k6 may still begin the one that is due at the very end.
    expect(ids(whole.samples).slice(0, 120)).to.deep.equal(expected);
    expect(ids(merged.samples).slice(0, 120)).to.deep.equal(expected);
    expect(merged.samples.length).to.be.at.most(121);
    outcomes.forEach(({ samples }, index) =>
      expect(new Set(samples.map((sample) => iterationOf(sample) % 3))).to.deep.equal(new Set([index])),
    );
    expect(Math.min(...merged.samples.map(({ startedAt }) => startedAt))).to.be.at.least(beginAt - 1);
    const durations = (samples: readonly LoadSample[]): number[] => samples.map(({ durationMs }) => durationMs);
    for (const q of [0.3, 0.6, 0.9, 0.99]) {
      const [low, high] = [q - 0.04, Math.min(1, q + 0.04)].map((rank) => quantile(durations(whole.samples), rank));
      expect(quantile(durations(merged.samples), q), `p${100 * q}`).to.be.within(low! - 50, high! + 50);
    }
  });

  it('does not count when a process had no time to begin with the others', async () => {
    const shared = spec({ pods: 2, rps: 20 });
    const parts = await Promise.all(
      [0, 1].map((index) => start(shared, k6Script(), index, join(work, `pod-${index}`))),
    );
    await writeFile(join(work, 'pod-0', 'gate'), 'one\n');
    await writeFile(join(work, 'pod-1', 'gate'), `one ${Date.now() + 3000}\n`);
    const { problems } = mergeSegments(shared, await Promise.all(parts.map(({ ended }) => ended())));
    expect(problems.join()).to.match(/^k6 in here-1: it began \d+ ms after the first of the load pods$/);
  });

  it('does not believe exit code 0 of a script that throws in every iteration', async () => {
    const broken = k6Script().replace('const response =', 'throw new Error("boom");\n  const response =');
    const outcome = await run(spec(), broken.replace(/thresholds: \{[^}]*\},/, ''));
    expect(outcome.exitCode).to.equal(0);
    expect(seen).to.deep.equal([]);
    expect(outcome.problems.join()).to.match(/iterations failed in the script: .*boom/);
  });

  it('reports a script that does not compile', async () => {
    const outcome = await run(spec(), 'export default function ( {');
    expect(outcome.exitCode).to.equal(107);
    expect(outcome.problems.join()).to.match(/exit code 107: .*load\.js/);
    await writeFile(join(work, 'own.ts'), "import fs from 'node:fs';\nexport default () => fs;\n");
    expect(() => k6Script(join(work, 'own.ts')))
      .to.throw(/own\.ts cannot be bundled: .*node:fs/s)
      .with.property('code', 'MESHPROOF_APP_INVALID');
  });

  it('reports k6 being killed, and keeps the samples it had', async () => {
    const load = spec({ durationMs: 20_000 });
    const { ended } = await start(load);
    await writeFile(join(work, 'gate'), 'one\n');
    await pollUntil(async () => (seen.length > 20 ? { ready: true } : { pending: `${seen.length} requests` }), {
      what: 'requests',
      timeoutMs: 20_000,
    });
    process.kill(Number(await readFile(join(work, 'one', 'k6.pid'), 'utf8')), 'SIGKILL');
    const outcome = await ended();
    expect(outcome.exitCode).to.equal(137);
    expect(outcome.problems.join())
      .to.contain('exit code 137')
      .and.to.contain('no summary')
      .and.to.contain('1000 were asked for');
    expect(outcome.samples.length).to.be.greaterThan(10);
  });

  it('ends early on TERM, with its summary', async () => {
    const load = spec({ durationMs: 20_000 });
    const { ended } = await start(load);
    await writeFile(join(work, 'gate'), 'one\n');
    await pollUntil(async () => (seen.length > 5 ? { ready: true } : { pending: `${seen.length} requests` }), {
      what: 'requests',
      timeoutMs: 20_000,
    });
    child?.kill('SIGTERM');
    const outcome = await ended();
    expect(outcome.summary).to.not.equal(undefined);
    expect(outcome.samples.length).to.be.greaterThan(5);
    expect(outcome.problems.join()).to.contain('exit code 105');
  });
});
