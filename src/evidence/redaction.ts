import { knownSecrets, type KnownSecrets } from './known-secrets.ts';

/**
 * What must never be in a report or its evidence. Each pattern: what may stay (group 1), and the secret itself (group 2). None
 * may begin with a repetition: evidence has lines of megabytes, and that would try again from each of their characters.
 */
const patterns: { kind: string; pattern: RegExp }[] = [
  {
    kind: 'private key',
    // Also with escaped line ends, as in JSON. Cut off at the end of the text: a half key is one too.
    pattern: /()(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$))/g,
  },
  {
    kind: 'private key',
    // The same in base64, as in a kubeconfig: "-----BEGIN " followed by a kind of PRIVATE KEY.
    pattern:
      /()(LS0tLS1CRUdJTi(?:BQUklWQVRFIEtFWS|BSU0EgUFJJVkFURSBLRVkt|BFQyBQUklWQVRFIEtFWS|BFTkNSWVBURUQgUFJJVkFURSBLRVkt)[A-Za-z0-9+/=]*)/g,
  },
  {
    kind: 'TLS session secret',
    // A line of a key log (RFC 9850).
    pattern:
      /(\b(?:CLIENT|SERVER|EXPORTER|EARLY)_[A-Z_]{0,40}(?:SECRET|RANDOM)(?:_\d)? [0-9a-fA-F]{64} )([0-9a-fA-F]{32,})/g,
  },
  { kind: 'jwt', pattern: /()(\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]{6,})/g },
  { kind: 'bearer token', pattern: /(\bBearer\s+)(?!\[redacted)([\w.~+/-]{8,}=*)/gi },
  {
    kind: 'basic credentials',
    pattern: /(\bAuthorization\\?["']?\s*[:=]\s*\\?["']?Basic\s+)(?!\[redacted)([\w+/]{4,}=*)/gi,
  },
  {
    kind: 'password',
    pattern:
      /(\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?|https?|ftp):\/\/[^:/?#\s@"']*:)(?!\[redacted)([^@\s/"']+)(?=@)/gi,
  },
  {
    kind: 'password',
    pattern:
      /((?:pgpassword|password|passwd|pwd)\\?["']?\s*[:=]\s*\\?["']?)(?!\[redacted|null\b|true\b|false\b)([^\s"'\\,;&{}]+)/gi,
  },
  {
    kind: 'token',
    pattern:
      /((?:token|secret_?id|secret|api_?key|client-key-data|initial_management)\\?["']?\s*[:=]\s*\\?["']?)(?!\[redacted)([\w.~+/=-]{20,})/gi,
  },
  {
    kind: 'secret value',
    // Environment of a pod, in JSON and YAML: the name says that the value is one.
    pattern:
      /(\bname\\?["']?:\s*\\?["']?[\w.-]*(?:password|passwd|token|secret)\\?["']?,?\s+?\s*\\?["']?value\\?["']?:\s*\\?["']?)(?!\[redacted)([^\s"'\\,;{}]+)/gi,
  },
  {
    kind: 'secret value',
    pattern:
      /(\bname\\?["']:\s*\\?["'][\w.-]*(?:password|passwd|token|secret)\\?["'],\s*\\?["']value\\?["']:\s*\\?["'])(?!\[redacted)([^\s"'\\]+)/gi,
  },
];

export interface FoundSecret {
  kind: string;
  line: number;
  /** What stands before the secret; never the secret. */
  context: string;
}

export interface RedactOptions {
  /** Values known to be secret, whatever they look like; those of this process unless others are given. */
  secrets?: KnownSecrets | undefined;
}

/** Replaces every secret by `[redacted KIND]`; text without secrets comes back as it was. */
export function redact(text: string, { secrets = knownSecrets }: RedactOptions = {}): string {
  let clean = secrets.removeFrom(text, '[redacted secret]');
  for (const { kind, pattern } of patterns) clean = clean.replace(pattern, `$1[redacted ${kind}]`);
  return clean;
}

/** Secrets that are still in a text; empty for anything that `redact` returned. */
export function findSecrets(text: string, { secrets = knownSecrets }: RedactOptions = {}): FoundSecret[] {
  const lineOf = (index: number): number => text.slice(0, index).split('\n').length;
  const found: FoundSecret[] = secrets
    .placesIn(text)
    .map(({ from }) => ({ kind: 'secret', line: lineOf(from), context: '' }));
  for (const { kind, pattern } of patterns) {
    for (const match of text.matchAll(pattern)) {
      found.push({ kind, line: lineOf(match.index), context: (match[1] ?? '').slice(0, 80) });
    }
  }
  return found;
}

const secretKey = /(?:password|passwd|pgpassword|token|secret|secret_?id|api_?key|client-key-data)$/i;

/** The same for a value that will be JSON: keys are looked at too, and Secrets of Kubernetes lose their data. */
export function redactValue<T>(value: T, options: RedactOptions = {}): T {
  if (typeof value === 'string') return redact(value, options) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, options)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  const { secrets = knownSecrets } = options;
  const isSecret = record.kind === 'Secret' && 'apiVersion' in record;
  const namesSecret = typeof record.name === 'string' && secretKey.test(record.name);
  return Object.fromEntries(
    Object.entries(record).map(([key, item]) => {
      const hidden =
        (secretKey.test(key) && isLiteral(item)) ||
        (key === 'value' && namesSecret && isLiteral(item)) ||
        (isSecret && (key === 'data' || key === 'stringData'));
      return [
        secrets.removeFrom(key, '[redacted secret]'),
        hidden ? '[redacted secret value]' : redactValue(item, options),
      ];
    }),
  ) as T;
}

function isLiteral(item: unknown): boolean {
  return (typeof item === 'string' && item !== '' && !item.startsWith('[redacted')) || typeof item === 'number';
}
