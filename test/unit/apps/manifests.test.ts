import { expect } from 'chai';
import { prepareManifests } from '../../../src/apps/manifests.ts';
import type { KubeObject } from '../../../src/kube/types.ts';

const object = (kind: string, name: string, rest: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop' },
  ...rest,
});
const pod = (image: string, env: string): Record<string, unknown> => ({
  containers: [{ name: 'a', image, imagePullPolicy: 'Always', env: [{ name: 'CART', value: env }] }],
  initContainers: [{ name: 'b', image: 'docker.io/library/shop:latest' }],
});
const manifests = [
  object('Deployment', 'web', {
    spec: { replicas: 3, template: { spec: pod('shop', 'http://cart.shop.svc:80/x?y=cart.shop') } },
  }),
  object('Gateway', 'edge', { spec: { hosts: ['cart.shop', 'cart.shopping', 'mycart.shop', 'shop'] } }),
  object('Service', 'cart'),
  object('RoleBinding', 'rights', { subjects: [{ kind: 'ServiceAccount', name: 'web', namespace: 'shop' }] }),
  object('Namespace', 'shop', { metadata: { name: 'shop', labels: { team: 'a' } } }),
  object('StatefulSet', 'db', { spec: { template: { spec: pod('postgres:16', '') } } }),
];
const image = { name: 'shop', ref: 'meshproof.dev/shop:abc', digest: 'sha256:0' };
const prepare = (namespace: string, replicas?: number): KubeObject[] =>
  prepareManifests(
    manifests,
    { from: 'shop', secrets: [{ name: 'key', keys: ['A', 'B'] }] },
    { namespace, replicas, images: { shop: image } },
  );
const find = (objects: KubeObject[], kind: string): KubeObject => objects.find((each) => each.kind === kind)!;

describe('prepareManifests', () => {
  it('orders what must be there before what, the namespace first and labelled for faults', () => {
    const objects = prepare('shop');
    expect(objects.map(({ kind }) => kind)).to.deep.equal([
      ...['Namespace', 'Secret', 'RoleBinding', 'Service', 'Gateway', 'Deployment', 'StatefulSet'],
    ]);
    expect(objects[0]!.metadata.labels).to.deep.equal({ team: 'a', 'meshproof.dev/chaos': 'allowed' });
  });

  it('moves everything to another namespace: objects, subjects, and hosts of its own Services only', () => {
    const before = JSON.stringify(manifests);
    const objects = prepare('shop-plain');
    expect(JSON.stringify(manifests)).to.equal(before);
    for (const each of objects.slice(1)) expect(each.metadata.namespace).to.equal('shop-plain');
    expect(objects[0]!.metadata.name).to.equal('shop-plain');
    expect(find(objects, 'RoleBinding')['subjects'][0].namespace).to.equal('shop-plain');
    expect(find(objects, 'Gateway').spec.hosts).to.deep.equal([
      'cart.shop-plain',
      'cart.shopping',
      'mycart.shop',
      'shop',
    ]);
    const [container] = find(objects, 'Deployment').spec.template.spec.containers;
    expect(container.env[0].value).to.equal('http://cart.shop-plain.svc:80/x?y=cart.shop-plain');
  });

  it('uses the images of the lab, which nobody could pull, and leaves the others alone', () => {
    const objects = prepare('shop');
    const { containers, initContainers } = find(objects, 'Deployment').spec.template.spec;
    for (const container of [...containers, ...initContainers])
      expect(container).to.include({ image: image.ref, imagePullPolicy: 'IfNotPresent' });
    expect(find(objects, 'StatefulSet').spec.template.spec.containers[0]).to.include({
      image: 'postgres:16',
      imagePullPolicy: 'Always',
    });
  });

  it('limits replicas, and never adds any', () => {
    expect(find(prepare('shop', 2), 'Deployment').spec.replicas).to.equal(2);
    expect(find(prepare('shop', 2), 'StatefulSet').spec.replicas).to.equal(1);
    expect(find(prepare('shop'), 'Deployment').spec.replicas).to.equal(3);
  });

  it('makes secrets anew each time', () => {
    const [one, two] = [find(prepare('shop'), 'Secret'), find(prepare('shop'), 'Secret')];
    expect(one['stringData'].A)
      .to.match(/^[\w-]{24}$/)
      .and.not.equal(one['stringData'].B);
    expect(one['stringData'].A).not.to.equal(two['stringData'].A);
  });
});
