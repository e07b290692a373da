import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openEvidence } from '../../../src/evidence/store.ts';
import { judge, type RuleInputs, type RuleName } from '../../../src/judge/recompute.ts';
import { later, outbound, snapshot } from '../observe/telemetry/snapshots.ts';

describe('rules over edges', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-edges-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const judged = async <Name extends RuleName>(rule: Name, inputs: RuleInputs[Name]): Promise<string> => {
    const { reader } = await openEvidence(folder);
    const { status, observed } = await judge(rule, inputs, { id: 'x', title: 'x' }, reader);
    return `${status}: ${observed}`;
  };
  const row = {
    ...{ id: 'viewer->trips', source: 'viewer', destination: 'trips', secured: true as boolean | null },
    clientIdentities: ['spiffe://mesh/viewer'],
    serverIdentities: ['spiffe://mesh/trips'],
    message: '4 TLS handshakes in 4 connections',
  };
  /** An edge, with so many requests between the two looks. */
  const edge = async (over: Partial<typeof row> = {}, requests = 20, startedAt = 500_000): Promise<string> => {
    const evidence = await openEvidence(folder);
    const at = (count: number) => ({ outbound: [outbound('trips', { '200': count })] });
    const inputs = {
      edges: await evidence.json('evidence/edges.json', [{ ...row, ...over }]),
      edge: 'viewer->trips',
      before: await evidence.json('evidence/before.json', [snapshot('viewer', 'v-1', at(10))]),
      after: await evidence.json('evidence/after.json', [
        snapshot('viewer', 'v-1', { ...at(10 + requests), ...later, startedAt }),
      ]),
    };
    return judged('edge-secured', inputs);
  };

  it('hold for an edge whose connections all had their handshake, with traffic in the window', async () => {
    expect(await edge()).to.match(/^pass: viewer -> trips: 4 TLS handshakes in 4 connections; [\d,]+ bytes between/);
  });

  it('fail for plaintext, with or without traffic', async () => {
    const plain = { secured: false, message: '3 TLS handshakes in 4 connections' };
    expect(await edge(plain)).to.equal('fail: viewer -> trips: 3 TLS handshakes in 4 connections');
    expect(await edge(plain, 0)).to.match(/^fail: /);
  });

  it('have no conclusion without traffic, a connection, an identity or both looks', async () => {
    expect(await edge({}, 0)).to.match(/^invalid: .*no traffic between the two looks/);
    expect(await edge({ secured: null, message: 'no connection' })).to.match(/^invalid: .*no connection/);
    expect(await edge({ clientIdentities: [] })).to.match(/^invalid: .*viewer show no identity/);
    expect(await edge({ serverIdentities: [] })).to.match(/^invalid: .*trips show no identity/);
    expect(await edge({}, 20, 900_000), 'the proxy restarted').to.match(/^invalid: .*restarted/);
  });

  it('tell a service that is strict from one that is permissive, and from one that nobody could ask', async () => {
    const evidence = await openEvidence(folder);
    const modes = await evidence.json('evidence/modes.json', [
      { service: 'trips', pod: 'trips-1', permissive: false },
      { service: 'trips', pod: 'trips-2', permissive: false },
      { service: 'poi', pod: 'poi-1', permissive: false },
      { service: 'poi', pod: 'poi-2', permissive: true },
    ]);
    const mode = (service: string) => judged('takes-only-tls', { modes, service });
    expect(await mode('trips')).to.equal('pass: strict at 2 proxies');
    expect(await mode('poi')).to.equal('fail: permissive: plaintext is taken too by poi-2');
    expect(await mode('user')).to.equal('invalid: no proxy of user could be asked');
  });
});
