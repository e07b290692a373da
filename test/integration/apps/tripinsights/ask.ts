import { request, type Agent, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Answer {
  status: number;
  type: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
}

export interface Ask {
  method?: string | undefined;
  headers?: Record<string, string | undefined> | undefined;
  body?: unknown;
  agent?: Agent | undefined;
}

/** No redirects, no defaults: what is sent and what comes back, as they are. */
export async function ask(url: string, { method = 'GET', headers = {}, body, agent }: Ask = {}): Promise<Answer> {
  const sent = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const length: Record<string, string> =
      sent === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent)) };
    const outgoing = request(url, { method, headers: { ...length, ...headers }, agent: agent ?? false }, resolve);
    outgoing.on('error', reject).end(sent);
  });
  const received = await text(response);
  let json: unknown;
  try {
    json = JSON.parse(received);
  } catch {
    json = undefined;
  }
  return {
    status: response.statusCode!,
    type: response.headers['content-type'],
    headers: response.headers,
    body: received,
    json,
  };
}
