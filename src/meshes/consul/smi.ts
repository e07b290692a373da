import { stringify } from 'yaml';
import type { HttpMatch, TrafficSplit } from '../../smi/model.ts';
import { wholePath } from '../../smi/regex.ts';
import type { SmiSuccessors } from '../../smi/successor.ts';
import type { ConfigEntry } from './config-entry.ts';
import { renderPolicies } from './render-policies.ts';

/** A service has one such entry: a second one would replace the first. */
const oneEntry = 'where several TrafficTargets with rules name one service, their Sources belong into one entry';

/** SMI in Consul’s own words, as config entries: service-splitter for splits, service-intentions for targets. */
export const consulSmi: SmiSuccessors = {
  split(split, matches) {
    const notes = ['every service in it needs Protocol http in its service-defaults'];
    if (matches.length === 0) return { policies: [], yaml: yamlOf([splitter(split.service, split)]), notes };
    // A router has one destination: the split gets a service of its own, which has no instances.
    const name = `${split.service}-split`;
    const entries = [
      { Kind: 'service-defaults', Name: name, Protocol: 'http' },
      splitter(name, split),
      {
        Kind: 'service-router',
        Name: split.service,
        Routes: matches.map((match) => ({ Match: { HTTP: httpOf(match) }, Destination: { Service: name } })),
      },
    ];
    return { policies: [], yaml: yamlOf(entries), notes };
  },

  callers: (policies) => ({
    yaml: yamlOf([...renderPolicies(policies, new Map(), []).values()].filter((entry) => entry !== undefined)),
    notes: [],
  }),

  requests(_target, matches, { to, from }) {
    const Permissions = matches.map((match) => ({ Action: 'allow', HTTP: httpOf(match) }));
    const Sources =
      from.length > 0 ? from.map((Name) => ({ Name, Permissions })) : [{ Name: '*', Action: 'deny' as const }];
    return {
      policies: [],
      yaml: yamlOf(to.map((Name) => ({ Kind: 'service-intentions', Name, Sources }))),
      notes: ['who is called needs Protocol http in its service-defaults', oneEntry],
    };
  },
};

function splitter(name: string, { backends }: TrafficSplit): ConfigEntry {
  const shares = hundredths(backends.map(({ weight }) => weight));
  return {
    Kind: 'service-splitter',
    Name: name,
    Splits: backends.map(({ service }, index) => ({ Weight: (shares[index] ?? 0) / 100, Service: service })),
  };
}

/** Shares of 100 % in hundredths, which add up: what rounding down leaves goes to those that lost most by it. */
export function hundredths(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const exact = weights.map((weight) => (total === 0 ? 10_000 / weights.length : (weight / total) * 10_000));
  const shares = exact.map(Math.floor);
  const byLoss = exact
    .map((value, index) => ({ index, lost: value - Math.floor(value) }))
    .sort((a, b) => b.lost - a.lost);
  const left = 10_000 - shares.reduce((sum, share) => sum + share, 0);
  for (const { index } of byLoss.slice(0, left)) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}

function httpOf({ pathRegex, methods, headers }: HttpMatch): object {
  const Header = Object.entries(headers).map(([Name, Regex]) => ({ Name, Regex }));
  return {
    ...(pathRegex !== undefined && { PathRegex: wholePath(pathRegex) }),
    ...(methods.length > 0 && { Methods: methods }),
    ...(Header.length > 0 && { Header }),
  };
}

function yamlOf(entries: readonly ConfigEntry[]): string {
  return entries.map((entry) => stringify(entry)).join('---\n');
}
