/** A rule of `iptables-save`: its conditions and what follows. */
interface Rule {
  text: string;
  conditions: Condition[];
  target: string;
  toPort: number | undefined;
}

interface Condition {
  option: string;
  values: string[];
  negated: boolean;
}

/** The chains of the nat table by name. */
export type NatRules = ReadonlyMap<string, readonly Rule[]>;

/** A new TCP connection as it leaves a process of the pod. */
export interface Departure {
  uid: number;
  source: string;
  destination: string;
  port: number;
}

/** What the rules make of a connection: it is turned to a local port, or leaves as it is (by a rule that says so, or by none). */
export type Fate = { redirectedTo: number; by: string } | { redirectedTo: undefined; by: string | undefined };

/** Options that say nothing of a packet. */
const silent = new Set(['-m', '--match', '--comment', '--wait', '-w']);
/** Targets after which the next rule of the same chain is looked at. */
const passing = new Set(['LOG', 'MARK', 'CONNMARK', 'NFLOG', 'TRACE', 'NOTRACK', 'CT']);
const targetOptions = new Set([
  '--to-ports',
  '--to-port',
  '--to-destination',
  '--reject-with',
  '--set-xmark',
  '--random',
]);

/** Reads `iptables-save -t nat`. */
export function parseNatRules(text: string): NatRules {
  const chains = new Map<string, Rule[]>();
  for (const line of text.split('\n')) {
    const chain = /^:(\S+)/.exec(line)?.[1];
    if (chain !== undefined) chains.set(chain, chains.get(chain) ?? []);
    const rule = /^-A (\S+) (.*)$/.exec(line);
    if (rule) chains.set(rule[1]!, [...(chains.get(rule[1]!) ?? []), parseRule(rule[2]!, line)]);
  }
  return chains;
}

/** Where a connection goes that a process of the pod makes: the nat table's OUTPUT chain, rule by rule. */
export function followOutput(rules: NatRules, departure: Departure): Fate {
  return follow(rules, 'OUTPUT', departure, 0) ?? { redirectedTo: undefined, by: undefined };
}

/** Undefined: the chain came to its end, or returned (`by` of the return is kept only where nothing follows). */
function follow(rules: NatRules, chain: string, departure: Departure, depth: number): Fate | undefined {
  // The kernel allows no loops either.
  if (depth > 16) return undefined;
  let returned: string | undefined;
  for (const rule of rules.get(chain) ?? []) {
    if (!rule.conditions.every((condition) => holds(condition, departure))) continue;
    if (passing.has(rule.target)) continue;
    if (rule.target === 'RETURN') {
      returned = rule.text;
      break;
    }
    if (rule.target === 'REDIRECT' || rule.target === 'DNAT')
      return { redirectedTo: rule.toPort ?? departure.port, by: rule.text };
    if (!rules.has(rule.target)) return { redirectedTo: undefined, by: rule.text };
    const fate = follow(rules, rule.target, departure, depth + 1);
    if (fate?.redirectedTo !== undefined) return fate;
    returned ??= fate?.by;
  }
  return returned === undefined ? undefined : { redirectedTo: undefined, by: returned };
}

function parseRule(words: string, text: string): Rule {
  const tokens = words.match(/"[^"]*"|\S+/g) ?? [];
  const rule: Rule = { text, conditions: [], target: '', toPort: undefined };
  for (let at = 0; at < tokens.length;) {
    const negated = tokens[at] === '!';
    if (negated) at++;
    const option = tokens[at++] ?? '';
    const values: string[] = [];
    while (at < tokens.length && !tokens[at]!.startsWith('-') && tokens[at] !== '!') values.push(tokens[at++]!);
    if (option === '-j' || option === '-g') rule.target = values[0] ?? '';
    else if (option.startsWith('--to-')) rule.toPort = Number(/(\d+)$/.exec(values[0] ?? '')?.[1]) || undefined;
    else if (!silent.has(option) && !targetOptions.has(option)) rule.conditions.push({ option, values, negated });
  }
  return rule;
}

function holds({ option, values, negated }: Condition, departure: Departure): boolean {
  const matches = matchesOf(option, values[0] ?? '', departure);
  // A condition that is not known here (a set, a mark) is taken as not met, negated or not.
  return matches !== undefined && matches !== negated;
}

function matchesOf(option: string, value: string, { uid, source, destination, port }: Departure): boolean | undefined {
  switch (option) {
    case '-p':
    case '--protocol':
      return value === 'tcp' || value === 'all' || value === '6';
    case '-d':
    case '--destination':
      return value.split(',').some((cidr) => inCidr(destination, cidr));
    case '-s':
    case '--source':
      return value.split(',').some((cidr) => inCidr(source, cidr));
    case '-o':
      return value === (inCidr(destination, '127.0.0.0/8') ? 'lo' : 'eth0');
    case '--dport':
    case '--dports':
      return value.split(',').some((range) => inRange(port, range));
    case '--uid-owner':
      return inRange(uid, value.replace('-', ':'));
    default:
      return undefined;
  }
}

function inRange(value: number, range: string): boolean {
  const [low = '', high = low] = range.split(':');
  return value >= Number(low) && value <= Number(high);
}

/** IPv4 only, as the labs are. */
function inCidr(address: string, cidr: string): boolean {
  const [network = '', bits = '32'] = cidr.split('/');
  const mask = Number(bits) === 0 ? 0 : (0xffffffff << (32 - Number(bits))) >>> 0;
  return (numberOf(address) & mask) >>> 0 === (numberOf(network) & mask) >>> 0;
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) >>> 0;
}
