import { stringify } from 'yaml';
import type { KubeObject } from '../../kube/types.ts';
import type { HttpMatch } from '../../smi/model.ts';
import { literalPrefix, wholePath } from '../../smi/regex.ts';
import type { SmiSuccessors, SmiWorld } from '../../smi/successor.ts';
import { wholeWeights } from '../../smi/weights.ts';
import { hostOf, principal } from './names.ts';
import { renderPolicies } from './render-policies.ts';
import { kinds, splitResourceId, type Kind } from './resources.ts';

/** SMI in Istio’s own words: VirtualService for splits, AuthorizationPolicy for targets. */
export const istioSmi: SmiSuccessors = {
  split(split, matches, { namespace }) {
    const routes = {
      route: wholeWeights(split).map(({ service, weight }) => ({
        destination: { host: hostOf(service, namespace) },
        weight,
      })),
    };
    const host = hostOf(split.service, namespace);
    const others = matches.length > 0 ? [{ route: [{ destination: { host } }] }] : [];
    const http = [{ ...(matches.length > 0 && { match: matches.map(matchRequest) }), ...routes }, ...others];
    return { policies: [], yaml: yamlOf('VirtualService', split.name, { hosts: [host], http }, namespace), notes: [] };
  },

  callers(policies, { namespace, selectorOf, accountOf }) {
    const factsOf = (service: string) => ({ selector: selectorOf(service), account: accountOf(service) });
    const objects = [...renderPolicies(policies, { namespace, factsOf })].map(([id, spec]) =>
      yamlOf(splitResourceId(id).kind, splitResourceId(id).name, spec, namespace),
    );
    return { yaml: objects.join('---\n'), notes: [] };
  },

  requests(target, matches, { to, from }, world) {
    const said = matches.flatMap((match) => operationOf(match) ?? []);
    const notes = matches
      .filter((match) => operationOf(match) === undefined)
      .map(({ name }) => `${name} is left out: an AuthorizationPolicy has no regular expressions`);
    const principals = from.map((service) => principal(world.namespace, world.accountOf(service)));
    const rules = [{ from: [{ source: { principals } }], to: said.map((operation) => ({ operation })) }];
    const objects = to.map((service) =>
      yamlOf(
        'AuthorizationPolicy',
        to.length === 1 ? target.name : `${target.name}-${service}`,
        {
          selector: { matchLabels: { ...world.selectorOf(service) } },
          action: 'ALLOW',
          // Without a request that may pass, nobody may.
          ...(said.length > 0 && from.length > 0 && { rules }),
        },
        world.namespace,
      ),
    );
    return { policies: [], yaml: objects.join('---\n'), notes };
  },
};

function matchRequest({ pathRegex, methods, headers }: HttpMatch): object {
  const fields = Object.entries(headers).map(([name, regex]) => [name, { regex }] as const);
  return {
    ...(pathRegex !== undefined && { uri: { regex: wholePath(pathRegex) } }),
    ...(methods.length > 0 && { method: { regex: methods.join('|') } }),
    ...(fields.length > 0 && { headers: Object.fromEntries(fields) }),
  };
}

/** Undefined for what cannot be said without an expression: to leave it out refuses more, to widen it would let more through. */
function operationOf({ pathRegex = '.*', methods, headers }: HttpMatch): object | undefined {
  const prefix = literalPrefix(pathRegex);
  if (prefix === undefined || Object.keys(headers).length > 0) return undefined;
  return { paths: [`${prefix}*`], ...(methods.length > 0 && { methods }) };
}

function yamlOf(kind: Kind, name: string, spec: unknown, namespace: SmiWorld['namespace']): string {
  const object = { apiVersion: kinds[kind].apiVersion, kind, metadata: { name, namespace }, spec } as KubeObject;
  return stringify(object);
}
