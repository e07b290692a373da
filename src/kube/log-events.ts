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
