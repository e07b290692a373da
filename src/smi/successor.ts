import { isDeepStrictEqual } from 'node:util';
import type { ServicePort } from '../kube/service-ports.ts';
import type { Policy } from '../policies/index.ts';
import type { HttpMatch, ServiceAccount, SmiObject, TrafficSplit, TrafficTarget } from './model.ts';

/** What stands for an SMI object on a mesh that does not read it. */
export interface Successor {
  /** The same without a mesh in it, where there is a policy that says it. */
  policies: readonly Policy[];
  /** The mesh's own resources, as YAML; empty where nothing is needed. */
  yaml: string;
  /** What is not the same, or cannot be said; a clause each. */
  notes: string[];
}

/** What the objects around one say, as far as a successor needs it. */
export interface SmiWorld {
  namespace: string;
  /** Services by the service account of their pods: `namespace/name`. */
  servicesOf(account: { name: string; namespace: string }): string[];
  /** Of a service's pods. */
  selectorOf(service: string): Readonly<Record<string, string>>;
  /** Service account of a service's pods. */
  accountOf(service: string): string;
  /** Of a Service; empty for one that is not there. */
  portsOf(service: string): readonly ServicePort[];
}

/** What a mesh puts in the place of SMI objects; pure. Requests are told by what they match, from route groups. */
export interface SmiSuccessors {
  /** @param matches of the split's route groups; empty: all requests */
  split(split: TrafficSplit, matches: readonly HttpMatch[], world: SmiWorld): Successor;
  /** Who may call whom, whatever they send. @param policies the same, mesh-neutral */
  callers(policies: readonly Policy[], world: SmiWorld): Omit<Successor, 'policies'>;
  /** The same for single requests. @param to services behind its destination; `from` those behind its sources */
  requests(
    target: TrafficTarget,
    matches: readonly HttpMatch[],
    edges: { to: readonly string[]; from: readonly string[] },
    world: SmiWorld,
  ): Successor;
}

/**
 * Pure: what succeeds an object. Route groups are part of what refers to them, figures are read elsewhere.
 *
 * @param all the objects of the namespace, for route groups
 */
export function successorOf(
  object: SmiObject,
  all: readonly SmiObject[],
  mesh: SmiSuccessors,
  world: SmiWorld,
): Successor {
  const nothing = (note: string): Successor => ({ policies: [], yaml: '', notes: [note] });
  switch (object.kind) {
    case 'HTTPRouteGroup':
    case 'TCPRoute':
      return nothing('part of what succeeds the objects that name it; by itself it changes nothing');
    case 'TrafficMetrics':
      return nothing('the golden signals of a run, and the metrics of the mesh itself, have these figures');
    case 'TrafficSplit': {
      const rules = object.matches.map((name) => ({ name, matches: [] }));
      const { matches, missing } = matchesOf(rules, all);
      // Without them it would split every request.
      return missing.length > 0 ? { policies: [], yaml: '', notes: missing } : mesh.split(object, matches, world);
    }
    case 'TrafficTarget':
      return ofTarget(object, all, mesh, world);
  }
}

function ofTarget(target: TrafficTarget, all: readonly SmiObject[], mesh: SmiSuccessors, world: SmiWorld): Successor {
  const to = world.servicesOf(target.destination);
  const from = servicesOf(target.sources, world);
  const unknown = [target.destination, ...target.sources].filter((one) => world.servicesOf(one).length === 0);
  const notes = unknown.map(({ namespace, name }) => `no service here has pods of the account ${namespace}/${name}`);
  if (to.length === 0) return { policies: [], yaml: '', notes };
  const routes = target.rules.filter(({ kind }) => kind === 'HTTPRouteGroup');
  const { matches, missing } = matchesOf(routes, all);
  // Without them it would let everything through.
  const unsaid = [...missing, ...unsaidOf(target, all)];
  if (unsaid.length > 0) return { policies: [], yaml: '', notes: [...notes, ...unsaid] };
  if (routes.length > 0) return withNotes(mesh.requests(target, matches, { to, from }, world), notes);
  // A service has one such policy: of several targets the last one written would stand alone.
  const others = openTargets(target, all);
  const everybody = servicesOf(
    [target, ...others].flatMap(({ sources }) => sources),
    world,
  );
  const policies = to.map((service): Policy => ({ kind: 'authorize', to: service, from: everybody }));
  const together = others.map(({ name }) => `with those whom the TrafficTarget ${name} lets in too`);
  return withNotes({ policies, ...mesh.callers(policies, world) }, [...notes, ...together]);
}

/** The others that let somebody call the same, whatever they send. */
function openTargets(target: TrafficTarget, all: readonly SmiObject[]): TrafficTarget[] {
  return all
    .filter((object) => object.kind === 'TrafficTarget')
    .filter((other) => other !== target && isDeepStrictEqual(other.destination, target.destination))
    .filter(({ rules }) => rules.every(({ kind }) => kind !== 'HTTPRouteGroup'))
    .filter((other) => unsaidOf(other, all).length === 0);
}

function servicesOf(accounts: readonly ServiceAccount[], world: SmiWorld): string[] {
  return [...new Set(accounts.flatMap((account) => world.servicesOf(account)))].sort();
}

/** Bounds that no successor has: on ports, and by kinds of routes that nobody reads (UDPRoute). */
function unsaidOf({ rules }: TrafficTarget, all: readonly SmiObject[]): string[] {
  return rules
    .filter(({ kind }) => kind !== 'HTTPRouteGroup')
    .flatMap(({ kind, name }) => {
      if (kind !== 'TCPRoute') return [`nothing here says what the ${kind} ${name} does`];
      const route = all.find((object) => object.kind === 'TCPRoute' && object.name === name);
      if (route?.kind !== 'TCPRoute') return [`the TCPRoute ${name} is not there`];
      return route.ports.length > 0 ? [`nothing here says a bound on ports, as the TCPRoute ${name} does`] : [];
    });
}

/** What route groups match, as far as they are there. */
function matchesOf(
  rules: readonly { name: string; matches: readonly string[] }[],
  all: readonly SmiObject[],
): { matches: HttpMatch[]; missing: string[] } {
  const matches: HttpMatch[] = [];
  const missing: string[] = [];
  for (const { name, matches: wanted } of rules) {
    const group = all.find((object) => object.kind === 'HTTPRouteGroup' && object.name === name);
    if (group?.kind !== 'HTTPRouteGroup') {
      missing.push(`the HTTPRouteGroup ${name} is not there`);
      continue;
    }
    const own = group.matches.filter((match) => wanted.length === 0 || wanted.includes(match.name));
    const lost = wanted.filter((each) => !own.some((match) => match.name === each));
    if (own.length === 0 && lost.length === 0) missing.push(`the HTTPRouteGroup ${name} matches nothing`);
    missing.push(...lost.map((each) => `the HTTPRouteGroup ${name} has no ${each}`));
    matches.push(...own);
  }
  return { matches, missing };
}

function withNotes(successor: Successor, notes: readonly string[]): Successor {
  return { ...successor, notes: [...successor.notes, ...notes] };
}
