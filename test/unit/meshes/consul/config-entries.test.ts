import { expect } from 'chai';
import { renderPolicies, type ConfigEntry } from '../../../../src/meshes/consul/config-entries.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const callers = ['trips', 'viewer'];
const render = (policies: Policy[], current: ConfigEntry[] = []) =>
  renderPolicies(
    policies,
    (kind, name) => current.find((entry) => entry.Kind === kind && entry.Name === name),
    callers,
  );
const entryOf = (policies: Policy[], kind: string, current: ConfigEntry[] = []) =>
  render(policies, current).find((change) => change.kind === kind)?.entry;

describe("policies as Consul's config entries", () => {
  it('puts retries and timeout of a service into one router', () => {
    const router = entryOf(
      [
        { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] },
        { kind: 'timeout', service: 'trips', timeoutMs: 1500 },
      ],
      'service-router',
    );
    expect(router).to.deep.equal({
      Kind: 'service-router',
      Name: 'trips',
      Routes: [{ Destination: { NumRetries: 4, RetryOnStatusCodes: [503], RequestTimeout: '1500ms' } }],
    });
  });

  it('says no timeout as a negative one, since leaving it out means 15 s', () => {
    const router = entryOf([{ kind: 'timeout', service: 'trips', timeoutMs: 0 }], 'service-router') as unknown as {
      Routes: { Destination: unknown }[];
    };
    expect(router.Routes[0]!.Destination).to.deep.equal({ RequestTimeout: '-1s' });
  });

  it('takes the router away when retries are off and no timeout is asked for', () => {
    const changes = render([{ kind: 'retry', service: 'trips', attempts: 0, onStatus: [503] }]);
    expect(changes).to.deep.equal([{ kind: 'service-router', name: 'trips' }]);
  });

  it('writes outlier detection into the defaults of every caller, keeping what else is there', () => {
    const current: ConfigEntry = {
      Kind: 'service-defaults',
      Name: 'viewer',
      Protocol: 'http',
      UpstreamConfig: {
        Defaults: { PassiveHealthCheck: { EnforcingConsecutive5xx: 0 } },
        Overrides: [
          { Name: 'poi', ConnectTimeoutMs: 1 },
          { Name: 'trips', PassiveHealthCheck: { MaxFailures: 9 } },
        ],
      },
    };
    const changes = render([{ kind: 'outlier-detection', service: 'trips', consecutiveErrors: 3 }], [current]);
    expect(changes.map(({ name }) => name)).to.deep.equal(callers);
    expect(changes[1]!.entry!.UpstreamConfig).to.deep.equal({
      Defaults: { PassiveHealthCheck: { EnforcingConsecutive5xx: 0 } },
      Overrides: [
        { Name: 'poi', ConnectTimeoutMs: 1 },
        { Name: 'trips', PassiveHealthCheck: { MaxFailures: 3, EnforcingConsecutive5xx: 100, Interval: '1s' } },
      ],
    });
  });

  it('lets in who is named, and nobody for an empty list', () => {
    expect(
      entryOf([{ kind: 'authorize', to: 'trips', from: ['viewer', 'k6'] }], 'service-intentions')!.Sources,
    ).to.deep.equal([
      { Name: 'viewer', Action: 'allow' },
      { Name: 'k6', Action: 'allow' },
    ]);
    expect(entryOf([{ kind: 'authorize', to: 'trips', from: [] }], 'service-intentions')!.Sources).to.deep.equal([
      { Name: '*', Action: 'deny' },
    ]);
  });

  it('allows permissive mTLS in the mesh before a service may use it', () => {
    const changes = render([{ kind: 'mtls', service: 'trips', mode: 'permissive' }]);
    expect(changes.map(({ kind }) => kind)).to.deep.equal(['mesh', 'service-defaults']);
    expect(changes[0]!.entry, 'Consul refuses a Name here').to.deep.equal({
      Kind: 'mesh',
      AllowEnablingPermissiveMutualTLS: true,
    });
    expect(changes[1]!.entry!.MutualTLSMode).to.equal('permissive');
  });

  it('merges several policies that touch one entry', () => {
    const changes = render([
      { kind: 'mtls', service: 'trips', mode: 'strict' },
      { kind: 'outlier-detection', service: 'poi', consecutiveErrors: 0 },
    ]);
    const trips = changes.filter(({ name }) => name === 'trips');
    expect(trips).to.have.length(1);
    expect(trips[0]!.entry).to.include({ MutualTLSMode: 'strict' }).and.to.have.property('UpstreamConfig');
  });
});
