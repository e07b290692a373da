import { stringify } from 'yaml';
import { count, plural } from '../base/words.ts';
import type { AppProtocol } from './app.ts';
import type { SeenEdge } from './seen-edges.ts';
import type { ServiceFacts } from './service-facts.ts';

export interface DraftCall {
  path: string;
  /** The probe that it was taken from; undefined: nothing is known. */
  from: string | undefined;
}

export interface DraftService {
  name: string;
  facts: ServiceFacts;
  protocol: AppProtocol;
  protocolGuessed: boolean;
  call: DraftCall | undefined;
  /** Seen by its proxies. */
  calls: SeenEdge[];
  /** Named in its environment. */
  guesses: { destination: string; where: string }[];
}

/** The draft as YAML: what is known as fields, what is guessed as comments beside them. */
export function draftText(namespace: string, services: readonly DraftService[], hasProxies: boolean): string {
  return [
    `# Drafted by \`meshproof app discover\` from what runs in the namespace ${namespace}. Before you rely on it:`,
    '# - give every HTTP service a call whose answer cannot be had without the data behind it;',
    `# - check who calls whom: ${
      hasProxies
        ? 'what the proxies saw since they started is listed, so put some load on it first'
        : 'there are no proxies to ask, so what environment and arguments name is suggested'
    };`,
    '# - in the mesh every other call is refused.',
    `id: ${namespace}`,
    `namespace: ${namespace}`,
    'services:',
    ...services.flatMap(lines),
    '',
  ].join('\n');
}

function lines({ name, facts, protocol, protocolGuessed, call, calls, guesses }: DraftService): string[] {
  const found = [`  ${name}:`, `    port: ${facts.port}`];
  if (facts.containerPort !== facts.port) found.push(`    containerPort: ${facts.containerPort}`);
  const guess = protocolGuessed ? ' # guessed from the port: neither appProtocol nor the port’s name tells' : '';
  found.push(`    protocol: ${protocol}${guess}`);
  const { selector, container, account } = facts;
  if (Object.keys(selector).length !== 1 || selector['app'] !== name) found.push(`    selector: ${flow(selector)}`);
  if (container !== undefined && container !== name) found.push(`    container: ${flow(container)}`);
  if (account !== undefined && account !== name) found.push(`    account: ${flow(account)}`);
  if (call !== undefined) found.push(...callLines(call));
  const seen = calls.map((edge) => edge.destination);
  if (seen.length > 0) found.push(`    # seen: ${calls.map(traffic).join(', ')}`, `    calls: ${flow(seen)}`);
  const others = guesses.filter(({ destination }) => !seen.includes(destination));
  if (others.length > 0) {
    const all = [...seen, ...others.map(({ destination }) => destination)];
    const why = others.map(({ destination, where }) => `${destination} by ${where}`).join(', ');
    found.push(
      `    # named, but ${seen.length > 0 ? 'no traffic was seen' : 'not seen'}: ${why}`,
      `    # calls: ${flow(all)}`,
    );
  }
  return found;
}

function callLines({ path, from }: DraftCall): string[] {
  const why =
    from === undefined
      ? 'a guess: nothing tells what it answers'
      : `from its ${from}: a path that does not touch its data proves little`;
  return [`    # ${why}; add \`expect: { body: … }\``, `    call: ${flow({ path })}`];
}

function traffic({ destination, requests, bytes }: SeenEdge): string {
  return `${destination} ${requests > 0 ? plural(requests, 'request') : `${count(bytes)} bytes`}`;
}

/** On one line, quoted where YAML wants it. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}
