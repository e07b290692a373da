import { expect } from 'chai';
import { silentProgress } from '../../../src/base/progress.ts';
import type { ActiveFault, FaultReceipt, FaultRequest } from '../../../src/faults/fault.ts';
import { adminPort, ledgerPath, listenPort, pointContainers } from '../../../src/faults/injectors/point/container.ts';
import { pointConfig } from '../../../src/faults/injectors/point/envoy-config.ts';
import { residue } from '../../../src/faults/injectors/point/residue.ts';
import { startFault } from '../../../src/faults/index.ts';
import { eventually, LocalPod } from './local-pod.ts';
import { toolPath } from './tool-path.ts';

const abort30: FaultRequest = {
  kind: 'http-abort',
  target: 'trips',
  percentage: 30,
  status: 503,
  pathPrefix: '/api/trips',
};

/** A busy machine delays longer: then the receipt must say so, and only then. */
function expectCalibrated(receipt: FaultReceipt | undefined, askedMs: number): void {
  const delayMs = Number(receipt?.measured['delayMs']);
  // Envoy rounds to its own ticks; 5 ms is what a receipt allows.
  expect(delayMs).to.be.at.least(askedMs - 5);
  expect(receipt?.problems.filter((problem) => problem.includes('calibrated delay'))).to.have.length(
    delayMs > askedMs + 5 ? 1 : 0,
  );
}

describe('fault point behind a sidecar', () => {
  let tools: Awaited<ReturnType<typeof toolPath>>;
  let pod: LocalPod;
  let registered: string[];

  before(async function () {
    this.timeout(600_000);
    tools = await toolPath({
      envoy: ['envoy'],
      iptables: ['iptables', 'iptables-save'],
      iproute2: ['ss'],
      busybox: ['busybox'],
    });
  });
  after(() => tools[Symbol.asyncDispose]());
  beforeEach(async () => {
    registered = [];
    pod = new LocalPod(tools.directory);
    await pod.start();
  });
  afterEach(() => pod[Symbol.asyncDispose]());

  const inject = (spec: FaultRequest, deadManMs = 60_000, ledgerKeptMs = 60_000): Promise<ActiveFault> =>
    startFault(spec, {
      kube: pod.kube,
      images: { 'fault-point': { name: 'fault-point', ref: 'local', digest: '' } },
      pods: [pod.ref],
      appPort: 8080,
      appPath: { sidecarUid: 1337, outInterface: 'lo' },
      rollback: {
        record: async ({ what, undo }) => {
          registered.push(`${what} | rules: ${(await pod.faultRules()).length}`);
          return { run: async () => undo?.() };
        },
      },
      progress: silentProgress(),
      signal: new AbortController().signal,
      deadManMs,
      ledgerKeptMs,
    });

  it('aborts the asked share, on connections that were open before, and leaves other paths alone', async () => {
    const before = await pod.calls({ count: 20, prefix: 'before' });
    const fault = await inject(abort30);
    expect(registered[0]).to.match(/http-abort at trips .*rules: 0$/);
    const hit = await pod.calls({ count: 300, prefix: 'hit' });
    const other = await pod.calls({ count: 50, prefix: 'other', path: '/api/poi' });
    await fault.undo();
    await fault.undo();
    const after = await pod.calls({ count: 20, prefix: 'after' });

    const failed = hit.filter((answer) => answer.status === 503).length;
    expect(hit.filter((answer) => answer.status !== 200 && answer.status !== 503)).to.deep.equal([]);
    // Binomial(300, 0.3) stays within 45..140 but for one run in a million.
    expect(failed).to.be.within(45, 140);
    for (const answers of [before, other, after])
      expect(answers.filter((answer) => answer.status !== 200)).to.deep.equal([]);

    const ledger = await fault.ledger();
    expect(ledger).to.have.length(300);
    expect(ledger.filter((entry) => entry.injected === 'abort')).to.have.length(failed);
    expect(new Set(ledger.map((entry) => entry.requestId)).size).to.equal(300);
    const [perPod, sum] = await fault.receipts();
    expect(sum?.measured).to.include({ requests: 300, injected: failed, otherRequests: 50, pods: 1 });
    expect(sum?.problems).to.deep.equal([]);
    expect(sum?.undone).to.equal(true);
    expect(perPod?.measured['oldConnectionsEnded']).to.be.greaterThan(0);
    expect(perPod?.measured['endedBy']).to.equal('asked');
    expect(perPod?.startedAt).to.be.lessThan(perPod?.endedMs ?? 0);
    expect(await pod.faultRules()).to.deep.equal([]);
    expect(await residue({ kube: pod.kube, pods: [pod.ref] })).to.deep.equal([]);
  });

  it('changes nothing of requests and answers that it does not hit', async () => {
    const seen = (answers: { headers?: Record<string, string>; body?: string }[]) =>
      answers.map(({ headers, body }) => ({
        headers: { ...headers, date: '' },
        body: JSON.parse(body ?? '') as object,
      }));
    const before = await pod.calls({ count: 1, prefix: 'same', path: '/api/poi?x=1' });
    const fault = await inject(abort30);
    const during = await pod.calls({ count: 1, prefix: 'same', path: '/api/poi?x=1' });
    await fault.undo();
    // `keep-alive: timeout=5` is hop by hop: the proxy has connections of its own.
    for (const { headers } of [...before, ...during]) {
      for (const name of ['connection', 'keep-alive', 'content-length']) delete headers?.[name];
    }
    expect(seen(during)[0]?.headers).to.deep.include(seen(before)[0]?.headers);
    const [plain, through] = [seen(before), seen(during)].map(
      (list) => (list[0]?.body as { headers: Record<string, string> }).headers,
    );
    expect(through).to.include({ 'x-forwarded-client-cert': 'URI=spiffe://test/caller', host: plain?.['host'] });
    expect(Object.keys(through ?? {}).filter((name) => plain?.[name] === undefined)).to.deep.equal([
      'x-forwarded-proto',
    ]);
  });

  it('delays by what was asked, calibrated on requests that ran to their end', async () => {
    const fault = await inject({ kind: 'http-delay', target: 'trips', percentage: 50, delayMs: 300 });
    await pod.calls({ count: 40, prefix: 'slow', parallel: 8 });
    await fault.undo();
    const sum = (await fault.receipts()).at(-1);
    expectCalibrated(sum, 300);
    expect(sum?.measured['calibratedOn']).to.match(/^\d+ uncancelled requests$/);
  });

  it('calibrates the delay by itself where every caller gives up first', async () => {
    const fault = await inject({ kind: 'http-delay', target: 'trips', percentage: 100, delayMs: 800 });
    await pod.calls({ count: 8, prefix: 'given-up', timeoutMs: 100, parallel: 8 });
    const from = Date.now();
    await eventually('some calibration requests', () => Date.now() - from > 2500);
    await fault.undo();
    const ledger = await fault.ledger();
    expect(ledger).to.have.length(8);
    for (const entry of ledger) expect(entry).to.include({ injected: 'delay', cancelled: true });
    const sum = (await fault.receipts()).at(-1);
    expect(sum?.measured['calibratedOn']).to.match(/^[2-9] calibration requests$/);
    expectCalibrated(sum, 800);
  });

  it('says so when its rule was taken out behind its back, and counts nothing', async () => {
    const fault = await inject({ ...abort30, percentage: 100 });
    const [rule] = await pod.faultRules();
    await pod.run(['iptables', '-t', 'nat', ...(rule ?? '').replace('-A', '-D').replaceAll('"', '').split(' ')]);
    const answers = await pod.calls({ count: 30, prefix: 'untouched' });
    expect(answers.filter((answer) => answer.status !== 200)).to.deep.equal([]);
    await fault.undo();
    const sum = (await fault.receipts()).at(-1);
    expect(sum?.measured).to.include({ requests: 0, sharePercent: 0 });
    expect(sum?.problems).to.include('no request reached the fault');
    expect(sum?.problems.join()).to.contain('the iptables rule was gone before');
  });

  it('takes its rule out when the proxy dies, and says so', async () => {
    const fault = await inject({ ...abort30, percentage: 100 });
    process.kill(await pod.pidIn('meshproof-fault', 'envoy'), 'SIGKILL');
    await eventually('rule gone', async () => (await pod.faultRules()).length === 0);
    expect((await pod.calls({ count: 5, prefix: 'after' })).map((answer) => answer.status)).to.deep.equal([
      200, 200, 200, 200, 200,
    ]);
    await fault.undo();
    const sum = (await fault.receipts()).at(-1);
    expect(sum?.undone).to.equal(true);
    expect(sum?.problems.join()).to.contain('the fault proxy died');
  });

  it('leaves it to the guard when the whole container dies', async () => {
    const fault = await inject({ ...abort30, percentage: 100 });
    await pod.killContainer('meshproof-fault');
    await eventually('rule gone', async () => (await pod.faultRules()).length === 0);
    await fault.undo();
    const sum = (await fault.receipts()).at(-1);
    expect(sum?.undone).to.equal(true);
    expect(sum?.problems.join()).to.contain('container died').and.to.contain('its ledger is lost');
    expect(pod.log('meshproof-guard')).to.contain('rule-found=yes');
    expect(await residue({ kube: pod.kube, pods: [pod.ref] })).to.deep.equal([]);
  });

  it('ends by its dead-man timer when nobody undoes it', async () => {
    await inject({ ...abort30, percentage: 100 }, 1000, 1000);
    await eventually('everything gone', () => pod.running().length === 0);
    expect(await pod.faultRules()).to.deep.equal([]);
    expect(pod.log('meshproof-fault')).to.contain('reason=deadman');
    expect((await pod.calls({ count: 5, prefix: 'after' })).map((answer) => answer.status)).to.deep.equal([
      200, 200, 200, 200, 200,
    ]);
  });

  it('ends by the guard’s timer when the point is stuck', async () => {
    await inject({ ...abort30, percentage: 100 }, 4000);
    const timer = await pod.pidIn('meshproof-fault', 'envoy');
    // A stopped container: neither its shell nor its timer run.
    const shell = Number((await pod.run(['ps', '-o', 'ppid=', '-p', String(timer)])).trim());
    const family = (await pod.run(['ps', '-o', 'pid=', '--ppid', String(shell)])).trim().split(/\s+/).map(Number);
    for (const pid of [...family, shell]) process.kill(pid, 'SIGSTOP');
    await eventually('guard done', () => pod.log('meshproof-guard').includes('guard-done'));
    expect(await pod.faultRules()).to.deep.equal([]);
    expect(pod.log('meshproof-guard')).to.contain('reason=deadline rule-found=yes undone=yes');
  });

  it('sees residue: a rule and a container that were left', async () => {
    const fault = await inject(abort30);
    const left = await residue({ kube: pod.kube, pods: [pod.ref], timeoutMs: 200 });
    expect(left.map((item) => item.what).join('\n')).to.match(
      /meshproof-guard-\w+ still runs[^]*meshproof-fault-\w+ still runs/,
    );
    await pod.run(['iptables', '-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '--dport', '9', '-j', 'RETURN']);
    const error = await fault.undo().catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain('could not be undone');
    expect((await residue({ kube: pod.kube, pods: [pod.ref] })).map((item) => item.what).join()).to.contain(
      'nat rules are not as they were',
    );
    const sum = (await fault.receipts()).at(-1);
    expect(sum?.undone).to.equal(false);
  });

  it('refuses a namespace that does not allow faults, and starts nothing', async () => {
    pod.allowsChaos = false;
    const error = await inject(abort30).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_FAULT_START' });
    expect(pod.running()).to.deep.equal([]);
    expect(registered).to.deep.equal([]);
  });

  it('fails and leaves nothing when the proxy cannot start', async () => {
    const first = await inject(abort30);
    const error = await inject(abort30).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_FAULT_START' });
    expect(String(error)).to.contain('another fault point');
    expect(await pod.faultRules()).to.have.length(1);
    await first.undo();
    expect(await pod.faultRules()).to.deep.equal([]);
  });

  it('does nothing when its container starts after it was given up', async () => {
    const containers = pointContainers({
      id: 'late',
      image: 'local',
      appPort: 8080,
      appPath: { sidecarUid: 1337, outInterface: 'lo' },
      podIp: pod.ref.ip,
      deadManMs: 60_000,
      drainMs: 1000,
      ledgerKeptMs: 60_000,
      goWithinMs: 200,
      envoyConfig: pointConfig({
        listenPort,
        adminPort,
        appPort: 8080,
        ledgerPath,
        pathPrefix: '/',
        fault: {},
        calibrationFault: {},
      }),
    });
    await pod.kube.patch(`/api/v1/namespaces/test/pods/${pod.ref.name}/ephemeralcontainers`, {
      spec: { ephemeralContainers: containers },
    });
    await eventually('both ended', () => pod.running().length === 0);
    expect(pod.log('meshproof-fault')).to.contain('failed reason=too-late');
    expect(pod.log('meshproof-fault')).not.to.contain('meshproof active');
    expect(pod.log('meshproof-guard')).to.contain('guard-done reason=point-gone rule-found=no undone=yes');
  });
});
