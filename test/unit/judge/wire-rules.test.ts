import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { directoryReader } from '../../../src/evidence/reader.ts';
import { judge, type About } from '../../../src/judge/recompute.ts';
import type { CaptureRecord } from '../../../src/judge/rules/wire-rules.ts';
import { writeEvidence } from '../../../src/evidence/files.ts';

const fixtures = new URL('../../../fixtures/captures/', import.meta.url);
const trust = 'spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc';
const expect12 = {
  port: 20000,
  minTlsVersion: '1.2' as const,
  identitiesOnWire: true,
  clientIdentity: `${trust}/tripviewer`,
  serverIdentity: `${trust}/trips`,
};

/** Of every ClientHello in a fixture (RFC 8446, 4.1.2). */
function randomsOf(name: string): string[] {
  const bytes = readFileSync(new URL(`${name}.pcap`, fixtures));
  const found: string[] = [];
  for (let at = 0; at < bytes.length - 43; at++) {
    const isHello =
      bytes[at] === 22 && bytes[at + 1] === 3 && bytes[at + 5] === 1 && bytes.readUInt16BE(at + 9) === 0x0303;
    if (isHello) found.push(bytes.toString('hex', at + 11, at + 43));
  }
  return found;
}

describe('wire rules, on real captures', () => {
  let dir: string;
  const pcap = 'evidence/a--b.server.pcap';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-wire-'));
    await mkdir(join(dir, 'evidence'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const edge = {
    source: 'tripviewer',
    destination: 'trips',
    side: 'server' as const,
    sourceIps: ['10.9.0.1'],
    destinationIps: ['10.9.0.2'],
  };
  const given = async (name: string, record: Partial<CaptureRecord> = {}) => {
    await copyFile(new URL(`${name}.pcap`, fixtures), join(dir, pcap));
    const captures = await writeEvidence(dir, 'evidence/captures.json', [
      { pcap, edge, plantedTokens: ['planted-f3a9c51e2'], kernelDrops: 0, problems: [], ...record },
    ]);
    return { captures, pcap };
  };
  const about: About = { id: 'x', title: 'x' };
  const wire = async (name: string, record: Partial<CaptureRecord> = {}, wanted: object = {}): Promise<string> => {
    const { status, observed } = await judge(
      'wire-edge',
      { ...(await given(name, record)), expect: { ...expect12, ...wanted } },
      about,
      directoryReader(dir),
    );
    return `${status}: ${observed}`;
  };

  it('mutual TLS 1.2 passes, with both identities', async () => {
    expect(await wire('tls12-mutual')).to.equal(
      'pass: tripviewer -> trips: TLS 1.2 on port 20000, 2 connections, 15,219 bytes, none in plaintext, identities …/svc/tripviewer and …/svc/trips',
    );
  });

  it('says how many connections went from node to node, where there are several', async () => {
    const nodes = { '10.9.0.1': 'node-1', '10.9.0.2': 'node-2' };
    expect(await wire('tls12-mutual', { edge: { ...edge, nodes } })).to.match(
      /^pass: .*, 2 connections \(2 between nodes\), 15,219 bytes/,
    );
  });

  it('what is proven wrong fails', async () => {
    expect(await wire('tls12-then-plaintext')).to.match(/^fail: .*plaintext seen/);
    expect(await wire('http-planted-token')).to.match(/^fail: .*planted token seen/);
    expect(await wire('tls12-one-way')).to.match(/^fail/);
    expect(await wire('tls12-mutual', {}, { clientIdentity: `${trust}/poi` })).to.match(
      /^fail: .*identity mismatch: client/,
    );
    expect(await wire('tls12-mutual', {}, { minTlsVersion: '1.3' })).to.match(/^fail: .*version too low/);
    expect(await wire('tls12-mutual', {}, { port: 8080 })).to.match(/^fail: .*unexpected port/);
  });

  it('what is not seen is invalid: resumed, mid-stream, drops, another edge, a troubled capture', async () => {
    expect(await wire('tls12-resumed')).to.match(/^invalid/);
    expect(await wire('tls12-mid-stream')).to.match(/^invalid/);
    expect(await wire('tls12-mutual', { kernelDrops: 1 })).to.match(/^invalid: .*kernel dropped/);
    expect(await wire('tls12-mutual', { problems: ['tcpdump died'] })).to.match(/^invalid: .*tcpdump died/);
    const edge = {
      source: 'a',
      destination: 'b',
      side: 'server' as const,
      sourceIps: ['10.9.0.7'],
      destinationIps: ['10.9.0.2'],
    };
    expect(await wire('tls12-mutual', { edge })).to.match(/^invalid: .*nothing captured/);
    expect(await wire('tls12-mutual', { pcap: 'evidence/other.pcap' })).to.match(/^invalid: .*knows no/);
  });

  it('a failure is not masked by doubts', async () => {
    expect(await wire('tls12-then-plaintext', { kernelDrops: 5 })).to.match(/^fail/);
  });

  it('TLS 1.3 hides identities: the proxies tell them, or nothing follows', async () => {
    const inputs = {
      ...(await given('tls13-mutual')),
      expect: { ...expect12, minTlsVersion: '1.3' as const, identitiesOnWire: false },
    };
    expect((await judge('wire-edge', inputs, about, directoryReader(dir))).status).to.equal('invalid');
    const tell = (client: string) =>
      writeEvidence(dir, 'evidence/witnesses.json', {
        'tripviewer--trips': { proxies: { client: [client], server: [`${trust}/trips`] } },
      });
    const witnesses = await tell(`${trust}/tripviewer`);
    const told = await judge('wire-edge', { ...inputs, witnesses }, about, directoryReader(dir));
    expect(told.status).to.equal('pass');
    expect(told.observed, 'on what it rests').to.match(/ \(the proxies’ certificates\)$/);
    await tell(`${trust}/poi`);
    expect((await judge('wire-edge', { ...inputs, witnesses }, about, directoryReader(dir))).status).to.equal('fail');
  });

  it('a key log, the proxies and the app must tell the same of who is there', async () => {
    const handshake = (random: string, client: string) => ({
      random,
      ...{ certificateRequested: true, clientIdentity: client, serverIdentity: `${trust}/trips`, ticketsIssued: [] },
    });
    const viewer = `${trust}/tripviewer`;
    const says = async (client: string, witnesses: { held?: string; told?: string }): Promise<string> => {
      const handshakes = randomsOf('tls13-mutual').map((random) => handshake(random, client));
      const opened = { handshakes, keyLogSha256: '' };
      const path = await writeEvidence(dir, 'evidence/witnesses.json', {
        'tripviewer--trips': {
          proxies: { client: [witnesses.held ?? viewer], server: [`${trust}/trips`] },
          app: [{ by: `${trust}/trips`, uri: witnesses.told ?? viewer, requests: 3 }],
        },
      });
      const expect13 = { ...expect12, minTlsVersion: '1.3' as const, identitiesOnWire: false };
      const inputs = { ...(await given('tls13-mutual', { opened })), expect: expect13, witnesses: path };
      const { status, observed } = await judge('wire-edge', inputs, about, directoryReader(dir));
      return `${status}: ${observed}`;
    };
    expect(await says(viewer, {})).to.match(
      /^pass: .* \(key log, the proxies’ certificates, x-forwarded-client-cert at the app\)$/,
    );
    expect(await says(viewer, { held: `${trust}/poi` })).to.match(/^invalid: .*its proxy holds …\/svc\/poi/);
    expect(await says(viewer, { told: `${trust}/poi` })).to.match(/^invalid: .*no sidecar told the app/);
    expect(await says(`${trust}/poi`, {}), 'proven by the packets themselves').to.match(/^fail: .*identity mismatch/);
  });

  it('planted-token-seen: the control must show it', async () => {
    const control = async (name: string) =>
      (await judge('planted-token-seen', await given(name), { ...about, arm: 'control' }, directoryReader(dir))).status;
    expect(await control('http-planted-token')).to.equal('pass');
    expect(await control('postgres-plaintext')).to.equal('pass');
    expect(await control('http-plaintext')).to.equal('invalid');
    expect(await control('tls12-mutual')).to.equal('invalid');
  });

  it('a damaged capture is an error, not a crash', async () => {
    const inputs = { ...(await given('tls12-mutual')), expect: expect12 };
    await truncate(join(dir, pcap), 10);
    expect((await judge('wire-edge', inputs, about, directoryReader(dir))).status).to.equal('error');
    await rm(join(dir, pcap));
    expect((await judge('wire-edge', inputs, about, directoryReader(dir))).status).to.equal('error');
  });
});
