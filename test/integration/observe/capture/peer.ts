/**
 * One end of a conversation, run in a network namespace: `peer.ts SETTINGS` (JSON). The server prints `ready`, and answers
 * each request with `answer` and as many bytes as the request line asks for; the client sends `requests` requests, each on
 * a connection of its own, checks the answers' lengths and ends.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';

export interface PeerSettings {
  role: 'server' | 'client';
  host: string;
  port: number;
  /** Both ends get both leaves and take their own. */
  tls?: Record<'client' | 'server', { ca: string; cert: string; key: string }>;
  message: string;
  requests: number;
  answerBytes: number;
}

function serve({ host, port, tls, answerBytes }: PeerSettings): void {
  const answer = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.alloc(answerBytes, 'trip ')));
  };
  const mutual = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
  const server = tls ? createTlsServer({ ...tls.server, ...mutual }, answer) : createServer(answer);
  server.listen(port, host, () => console.error('ready'));
}

async function ask({ host, port, tls, message, requests, answerBytes }: PeerSettings): Promise<void> {
  for (let index = 0; index < requests; index++) {
    const socket = tls
      ? connectTls({ host, port, ...tls.client, checkServerIdentity: () => undefined })
      : connect({ host, port });
    await once(socket, tls ? 'secureConnect' : 'connect');
    socket.write(`GET /?q=${message} HTTP/1.1\r\nX-Marker: ${message}\r\n\r\n${message}`);
    let received = 0;
    for await (const chunk of socket) received += (chunk as Buffer).length;
    if (received !== answerBytes) throw new Error(`${received} bytes instead of ${answerBytes}`);
  }
}

const settings = JSON.parse(process.argv[2] ?? '{}') as PeerSettings;
if (settings.role === 'server') serve(settings);
else await ask(settings);
