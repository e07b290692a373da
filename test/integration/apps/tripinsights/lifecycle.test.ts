import { createServer, Agent } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { seedIds, seedUser } from './seed.ts';
import { pollUntil } from '../../../../src/base/poll.ts';
import { dataCalls, probeCommand, services } from './app.ts';
import { ask } from './ask.ts';
import { tripInsightsWorld } from './world.ts';

describe('TripInsights in good times and bad', function () {
  this.timeout(180_000);
  const world = tripInsightsWorld();
  const { url } = world;
  const goText = 'text/plain; charset=utf-8';
  const accept = { accept: 'application/json', 'content-type': 'application/json' };

  it('answers a client that closed its sending side', async () => {
    const socket = connect(world.running.poi.port, '127.0.0.1');
    socket.end('GET /api/poi/healthcheck HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(await text(socket)).to.match(/^HTTP\/1.1 200 /);
  });

  it('drains on SIGTERM: the answer in flight is finished, new connections are refused, exit code 0', async () => {
    const release = withResolvers();
    const arrived = withResolvers();
    const slow = createServer((_incoming, response) => {
      arrived.resolve();
      void release.promise.then(() => response.end('[]'));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => slow.once('listening', resolve));
    const endpoint = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const viewer = await world.rootfs.service('tripviewer', {
      TRIPS_API_ENDPOINT: endpoint,
      USERPROFILE_API_ENDPOINT: endpoint,
    });
    const agent = new Agent({ keepAlive: true });
    expect((await ask(`${viewer.url}/`, { agent })).headers.connection).to.equal('keep-alive');
    const answer = ask(`${viewer.url}/Trip`, { agent });
    await arrived.promise;
    process.kill(viewer.command.pid, 'SIGTERM');
    await pollUntil(
      async () =>
        (await viewer.log()).includes('drains 1 requests') ? { ready: true } : { pending: await viewer.log() },
      { what: 'drain', timeoutMs: 10_000, intervalMs: 20 },
    );
    const refused = await ask(`${viewer.url}/`).catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'ECONNREFUSED');
    release.resolve();
    expect(await answer)
      .to.deep.include({ status: 200 })
      .with.nested.property('headers.connection', 'close');
    expect(await viewer.command.ended).to.include({ exitCode: 0 });
    agent.destroy();
    slow.close();
  });

  // Last: it takes the database away.
  it('answers as the originals do when the database is gone, fails its probes, and recovers when it is back', async () => {
    await world.database.stop();
    const id = seedIds.trip;
    const trips = await ask(url('trips', `/api/trips/${id}`));
    expect(trips).to.include({ status: 500, type: goText });
    expect(trips.json.Message).to.match(/^getTripsByID - Error while retrieving trip from database: ./);
    const points = await ask(url('trips', `/api/trips/${id}/trippoints`));
    expect(points).to.include({ status: 200 });
    expect(points.json.Message).to.match(/^Error while retrieving trip points from database: ./);
    expect(await ask(url('poi', '/api/poi'))).to.include({
      status: 500,
      body: '{"error":"An error occurred.  Please try again."}',
    });
    const user = await ask(url('userprofile', `/api/user/${seedIds.user}`));
    expect(user).to.include({ status: 500, type: undefined });
    expect(user.body).not.to.equal('');
    expect(
      await ask(url('user-java', `/api/user-java/${seedIds.user}`), {
        method: 'PATCH',
        body: seedUser,
        headers: accept,
      }),
    ).to.include({ status: 500 });
    expect(await ask(url('tripviewer', '/Trip'))).to.include({ status: 500 });
    for (const service of services) {
      expect(
        (await world.rootfs.run(probeCommand(service, world.running[service].port))).exitCode,
        service,
      ).not.to.equal(0);
    }
    for (const path of ['/api/trips/healthcheck']) expect((await ask(url('trips', path))).status).to.equal(200);

    await world.database.start();
    for (const service of services) {
      const call = dataCalls[service];
      expect(await ask(url(service, call.path), call), service).to.include({ status: 200 });
    }
  });
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
