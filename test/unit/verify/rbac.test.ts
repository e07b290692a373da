import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { rightText, type ResourceRight, type Right } from '../../../src/kube/rights.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { meshes } from '../../../src/meshes/index.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { rbacYaml } from '../../../src/verify/rbac.ts';
import { verifyRights } from '../../../src/verify/rights.ts';

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs: string[];
}

const guests = (Object.values(meshes) as MeshEntry[]).filter(({ guestRights }) => guestRights !== undefined);
const objectsOf = (yaml: string): KubeObject[] =>
  parseAllDocuments(yaml).map((document) => {
    expect(document.errors).to.deep.equal([]);
    return document.toJS() as KubeObject;
  });

/** Every single right that a set of roles gives, as `rightText` has it. */
function given(objects: readonly KubeObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap(({ metadata: { namespace }, rules }) =>
      (rules as Rule[]).flatMap(({ apiGroups = [], resources = [], resourceNames, nonResourceURLs = [], verbs }) =>
        verbs.flatMap((verb) => [
          ...nonResourceURLs.map((url) => `${verb} ${url}`),
          ...apiGroups.flatMap((group) =>
            resources.flatMap((resource) =>
              (resourceNames ?? [undefined]).map((name) =>
                rightText({
                  ...({ verb, resource, namespace, name, why: '' } as ResourceRight),
                  group: group === '' ? undefined : group,
                }),
              ),
            ),
          ),
        ]),
      ),
    );
}

describe('meshproof verify --rbac', () => {
  for (const entry of guests) {
    const rights = verifyRights('shop', entry);
    const yaml = rbacYaml(rights, 'shop');
    const objects = objectsOf(yaml);

    it(`${entry.title}: gives each right that is asked for, and no other`, () => {
      expect([...new Set(given(objects))].sort()).to.deep.equal([...new Set(rights.map(rightText))].sort());
    });

    it(`${entry.title}: nothing can be written with it, and no secret be listed`, () => {
      const grave = rights.filter(
        (right) =>
          (right.verb === 'create' && !('url' in right) && right.resource !== 'pods/portforward') ||
          (!('url' in right) && right.resource === 'secrets' && right.name === undefined),
      );
      expect(grave).to.deep.equal([]);
    });

    it(`${entry.title}: binds every role to one service account, and says what each rule is for`, () => {
      const roles = objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
      for (const { kind, metadata } of roles) {
        const binding = objects.find(
          (object) => object.kind === `${kind}Binding` && object.metadata.namespace === metadata.namespace,
        );
        expect(binding?.['roleRef']).to.include({ kind, name: metadata.name });
        expect(binding?.['subjects']).to.deep.equal([
          { kind: 'ServiceAccount', name: 'meshproof-verify', namespace: 'shop' },
        ]);
      }
      expect(yaml).to.match(/^ {2}# which pods run, and which of them have a sidecar\n {2}- apiGroups: \[""\]$/m);
      const rules = yaml.match(/^ {2}- /gm)!.filter(Boolean).length;
      expect(yaml.match(/^ {2}# /gm)).to.have.length.within(1, rules);
    });
  }

  it('is of another name for another namespace: two do not take each other’s rights', () => {
    const right: Right = { verb: 'list', resource: 'events', namespace: 'kube-system', why: 'x' };
    const name = (namespace: string) =>
      objectsOf(rbacYaml([right], namespace)).find(({ kind }) => kind === 'RoleBinding')!.metadata.name;
    expect(name('shop')).not.to.equal(name('bank'));
  });
});
