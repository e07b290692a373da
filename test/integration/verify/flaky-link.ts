import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to an API server that can be cut. */
export interface FlakyLink extends AsyncDisposable {
  url: string;
  /** Connections that were made, ever. */
  connections(): number;
  /** Cuts every connection, and lets none through until the time is over. */
  cut(ms: number): void;
}

/** Passes TCP connections on to a server, from a port on loopback. */
export async function flakyLink(to: URL): Promise<FlakyLink> {
  const sockets = new Set<Socket>();
  let made = 0;
  let isCut = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (isCut) return near.resetAndDestroy();
    made++;
    const far = connect(Number(to.port), to.hostname);
    keep(far);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    connections: () => made,
    cut(ms) {
      isCut = true;
      for (const socket of sockets) socket.destroy();
      setTimeout(() => (isCut = false), ms);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
