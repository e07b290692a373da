import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { seedCounts, seedIds } from './seed.ts';
import { ask } from './ask.ts';
import { tripInsightsWorld } from './world.ts';

describe('tripviewer, from the files of its image', function () {
  this.timeout(180_000);
  const world = tripInsightsWorld();
  const { url } = world;

  it('renders pages that are well formed', async () => {
    for (const path of ['/', '/Trip', `/Trip?id=${seedIds.trip}`, '/UserProfile', '/Home/Error']) {
      const page = await ask(url('tripviewer', path));
      expect(page.status, path).to.equal(200);
      expect(page.type).to.match(/^text\/html/);
      expect(page.body)
        .to.match(/^<!DOCTYPE html>/)
        .and.match(/<\/html>$/);
      expect(unbalanced(page.body), path).to.deep.equal([]);
    }
    const trip = await ask(url('tripviewer', `/Trip?id=${seedIds.trip}`));
    expect(trip.body.match(/<polyline points="([^"]+)"/)?.[1]?.split(' ')).to.have.length(
      seedCounts.TripPoints / seedCounts.Trips,
    );
    const partial = await ask(url('tripviewer', `/Trip/RenderMap?tripid=${seedIds.trip}`));
    expect(partial.body).to.match(/^<section id="map"><svg /);
  });

  it('escapes what users wrote', async () => {
    const name = '<script>alert(1)</script>';
    const { json } = await ask(url('trips', '/api/trips'), { method: 'POST', body: { Name: name, UserId: '"x"' } });
    const page = await ask(url('tripviewer', `/Trip?id=${json.Id}`));
    expect(page.body).not.to.include('<script>');
    expect(page.body).to.match(/&lt;script(>|&gt;)alert/);
    await ask(url('trips', `/api/trips/${json.Id}`), { method: 'DELETE' });
  });

  it('forwards the headers of a trace and no others; a failure or an error in a 200 becomes a 500 page', async () => {
    const seen: IncomingMessage['headers'][] = [];
    let reply: { status: number; body: string } = { status: 200, body: '[]' };
    const stub = createServer((incoming, response) => {
      seen.push(incoming.headers);
      response
        .writeHead(reply.status)
        .end(incoming.url === '/api/trips' ? reply.body : '{"Message":"Error while retrieving"}');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => stub.once('listening', resolve));
    const endpoint = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
    const viewer = await world.rootfs.service('tripviewer', {
      TRIPS_API_ENDPOINT: endpoint,
      USERPROFILE_API_ENDPOINT: endpoint,
    });
    try {
      const trace = {
        traceparent: '00-1-2-01',
        tracestate: 'a=b',
        baggage: 'k=v',
        'x-request-id': 'r1',
        b3: '1',
        'x-b3-traceid': 't',
      };
      const page = await ask(`${viewer.url}/Trip`, { headers: { ...trace, 'x-private': 'no', cookie: 'no' } });
      expect(page).to.include({ status: 200 });
      expect(seen[0]).to.include(trace);
      expect(seen[0]).not.to.have.any.keys('x-private', 'cookie');
      reply = { status: 200, body: JSON.stringify([{ Id: '1', Name: 'T' }]) };
      expect((await ask(`${viewer.url}/Trip`)).status).to.equal(500);
      reply = { status: 503, body: 'no' };
      const failed = await ask(`${viewer.url}/Trip`);
      expect(failed).to.include({ status: 500 });
      expect(failed.body).to.match(/An error occurred/);
      const calls = seen.length;
      await ask(`${viewer.url}/Trip`);
      expect(seen.length, 'no retry').to.equal(calls + 1);
      reply = { status: 200, body: '[]' };
    } finally {
      await viewer.command.stop({ signal: 'SIGTERM', graceMs: 15_000 });
      stub.close();
    }
  });
});

/** Tags of the page that are not closed in order. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name, , selfClosed] of page
    .replace(/<style>.*?<\/style>/gs, '')
    .matchAll(/<(\/?)([a-z][a-z0-9]*)((?:"[^"]*"|[^">])*?)(\/?)>/gi)) {
    if (selfClosed || ['meta', 'link', 'br'].includes(name!)) continue;
    if (!slash) open.push(name!);
    else if (open.pop() !== name) wrong.push(name!);
  }
  return [...wrong, ...open];
}
