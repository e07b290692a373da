import { stringify } from 'yaml';
import type { Right } from '../kube/rights.ts';

/** Of the service account that is made for it. */
const account = 'meshproof-verify';
const apiVersion = 'rbac.authorization.k8s.io/v1';
const apiGroup = 'rbac.authorization.k8s.io';

/**
 * Pure: a service account with these rights and no others, as YAML to be applied: a Role in each namespace, and a ClusterRole for
 * what belongs to none. Above each rule stands what it is for.
 *
 * @param namespace of the service account
 */
export function rbacYaml(rights: readonly Right[], namespace: string): string {
  // Whoever verifies another namespace too needs roles of other names beside these.
  const name = `${account}-${namespace}`;
  const documents = [...new Set(rights.map(placeOf))].flatMap((place) => {
    const kind = place === undefined ? 'ClusterRole' : 'Role';
    const metadata = { name, ...(place !== undefined && { namespace: place }) };
    const role = stringify({ apiVersion, kind, metadata });
    const binding = stringify({
      ...{ apiVersion, kind: `${kind}Binding`, metadata },
      roleRef: { apiGroup, kind, name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    });
    return [`${role}rules:\n${rulesOf(rights.filter((right) => placeOf(right) === place))}`, binding];
  });
  const owner = stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } });
  return [owner, ...documents].join('---\n');
}

function placeOf(right: Right): string | undefined {
  return 'url' in right ? undefined : right.namespace;
}

/** Fields of a rule; each is a list. */
type Rule = Record<string, string[]>;

/** Rights with one reason that differ in one thing only are one rule. */
function rulesOf(rights: readonly Right[]): string {
  let rules = rights.map((right) => ({ rule: ruleOf(right), why: right.why }));
  for (const field of ['verbs', 'resources', 'resourceNames', 'nonResourceURLs']) {
    const merged = new Map<string, (typeof rules)[number]>();
    for (const { rule, why } of rules) {
      const key = JSON.stringify([why, { ...rule, [field]: field in rule }]);
      const [known, own] = [merged.get(key)?.rule[field], rule[field]];
      if (known === undefined || own === undefined) merged.set(key, { rule, why });
      else known.push(...own.filter((one) => !known.includes(one)));
    }
    rules = [...merged.values()];
  }
  return rules.map(({ rule, why }) => `  # ${why}\n${ruleText(rule)}`).join('');
}

function ruleOf(right: Right): Rule {
  if ('url' in right) return { nonResourceURLs: [right.url], verbs: [right.verb] };
  const { group = '', resource, name, verb } = right;
  const names = name === undefined ? {} : { resourceNames: [name] };
  return { apiGroups: [group], resources: [resource], ...names, verbs: [verb] };
}

function ruleText(rule: Rule): string {
  const fields = Object.entries(rule).map(([field, values]) => `${field}: [${values.map(asYaml).join(', ')}]`);
  return fields.map((field, index) => `  ${index === 0 ? '-' : ' '} ${field}\n`).join('');
}

function asYaml(value: string): string {
  return stringify(value).trim();
}
