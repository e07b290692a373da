import { expect } from 'chai';
import { releaseOf } from '../../../../src/meshes/istio/install.ts';
import { istioStatNames, serviceOfCluster } from '../../../../src/meshes/istio/names.ts';

describe("Istio's names of clusters and counters", () => {
  it('give the service of a cluster, where it is in the namespace asked for', () => {
    expect(serviceOfCluster('outbound|80||trips.shop.svc.cluster.local', 'shop')).to.equal('trips');
    expect(serviceOfCluster('outbound|80|v1|trips.shop.svc.cluster.local;', 'shop')).to.equal('trips');
    expect(serviceOfCluster('outbound|80||trips.shop-plain.svc.cluster.local', 'shop')).to.equal(undefined);
    expect(serviceOfCluster('PassthroughCluster', 'shop')).to.equal(undefined);
  });

  it('give the release of what a program says of its version', () => {
    expect(releaseOf('1.31.4-0123abc-Clean')).to.equal('1.31.4');
    expect(releaseOf('1.31.0-dev.eed52ebb66ad-unknown-unknown')).to.equal('1.31.0-dev.eed52ebb66ad');
    expect(releaseOf('strange')).to.equal('strange');
  });

  it('tell what comes in for the app from what the proxy does for itself', () => {
    const { isApp, isInbound } = istioStatNames('shop');
    expect(['inbound|8080||;', 'inbound|8080||'].map(isApp)).to.deep.equal([true, true]);
    expect(['InboundPassthroughCluster;', 'outbound|80||a.b.svc.cluster.local;'].map(isApp)).to.deep.equal([
      false,
      false,
    ]);
    expect(['inbound_0.0.0.0_8080;', 'outbound_0.0.0.0_80;', 'admin'].map(isInbound)).to.deep.equal([
      true,
      false,
      false,
    ]);
  });
});
