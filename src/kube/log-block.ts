import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { MeshproofError } from '../base/errors.ts';

/** A line `meshproof <event> key=value…` that one of our scripts wrote to its container's log. */
export interface LogEvent {
  event: string;
  /** Epoch ms from the kubelet's timestamp; undefined when the log was read without `timestamps=true`. */
  at: number | undefined;
  fields: Record<string, string>;
}

const timestamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z /;

/** Takes the kubelet's timestamp (`2026-11-21T07:49:46.123456789Z `) off a log line. */
function splitTimestamp(line: string): { at: number | undefined; text: string } {
  const match = timestamp.exec(line);
  if (!match) return { at: undefined, text: line };
  return { at: Date.parse(`${match[1]}Z`) + Number(`0${match[2] ?? ''}`) * 1000, text: line.slice(match[0].length) };
}

function* linesOf(log: string): Generator<{ at: number | undefined; text: string }> {
  let from = 0;
  while (from < log.length) {
    const newline = log.indexOf('\n', from);
    const end = newline === -1 ? log.length : newline;
    yield splitTimestamp(log.slice(from, end));
    from = end + 1;
  }
}

/** Every event of a container log, in order. */
export function logEvents(log: string): LogEvent[] {
  const events: LogEvent[] = [];
  for (const { at, text } of linesOf(log)) {
    if (!text.startsWith('meshproof ')) continue;
    const [, event = '', ...words] = text.trimEnd().split(' ');
    const pairs = words.map((word) => word.split(/=(.*)/s, 2)).map(([key = '', value = '']) => [key, value] as const);
    events.push({ event, at, fields: Object.fromEntries(pairs) });
  }
  return events;
}

/**
 * A file that a container printed into its log before it ended: gzip in base64 between `meshproof begin NAME lines=N
 * sha256=H` and `meshproof end NAME`. Logs outlive their container, and nothing is lost unseen: count and hash must fit.
 * Compressed, so that it stays far below the 10 MB at which a kubelet rotates the log of a running container.
 *
 * @returns undefined while the end marker is not there yet.
 * @throws MeshproofError MESHPROOF_KUBE_API when the block is damaged.
 */
export function readLogBlock(log: string, name: string): string | undefined {
  let begin: LogEvent | undefined;
  const parts: string[] = [];
  for (const { text } of linesOf(log)) {
    if (text.startsWith(`meshproof begin ${name} `)) {
      begin = logEvents(text)[0];
      parts.length = 0;
    } else if (begin && text.trimEnd() === `meshproof end ${name}`) {
      return unpack(parts.join(''), name, begin.fields['sha256'] ?? '');
    } else if (begin) {
      parts.push(text.trim());
    }
  }
  return undefined;
}

function unpack(base64: string, name: string, sha256: string): string {
  let content: Buffer;
  try {
    content = gunzipSync(Buffer.from(base64, 'base64'));
  } catch (cause) {
    throw damaged(name, 'it cannot be unpacked', cause);
  }
  if (createHash('sha256').update(content).digest('hex') !== sha256) throw damaged(name, 'its hash does not fit');
  return content.toString('utf8');
}

function damaged(name: string, why: string, cause?: unknown): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_KUBE_API',
    `the ${name} in the container's log is damaged: ${why}`,
    'The kubelet may have rotated the log: raise containerLogMaxSize, or run with less load.',
    { cause },
  );
}
