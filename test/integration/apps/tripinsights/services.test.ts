import { expect } from 'chai';
import { seedCounts, seedIds, seedUser } from './seed.ts';
import { dataCalls, probeCommand, services, type TripInsightsService } from './app.ts';
import { ask } from './ask.ts';
import { tripInsightsWorld } from './world.ts';

const goText = 'text/plain; charset=utf-8';
const accept = { accept: 'application/json', 'content-type': 'application/json' };

describe('TripInsights over PostgreSQL, from the files of its images', function () {
  this.timeout(180_000);
  const world = tripInsightsWorld();
  const { url } = world;

  for (const service of services) {
    it(`${service} answers its data call, and the probe in its image agrees`, async () => {
      const call = dataCalls[service];
      const answer = await ask(url(service, call.path), call);
      expect(answer.status).to.equal(call.expectStatus);
      expect(answer.body).to.include(call.expectBody);
      expect(await world.rootfs.run(probeCommand(service, world.running[service].port))).to.include({ exitCode: 0 });
    });
  }

  it('the data calls change nothing: asked again, the answer is the same byte for byte', async () => {
    for (const service of services) {
      const call = dataCalls[service];
      const [first, second] = [await ask(url(service, call.path), call), await ask(url(service, call.path), call)];
      expect(second.body, service).to.equal(first.body);
    }
  });

  it('has health in both dialects, a version, metrics with few routes, and API descriptions', async () => {
    const health: [TripInsightsService, string, object][] = [
      ['poi', 'poi', { message: 'POI Service Healthcheck', status: 'Healthy' }],
      ['trips', 'trips', { message: 'Trip Service Healthcheck', status: 'Healthy' }],
      ['userprofile', 'user', { message: 'healthcheck', status: 'healthy' }],
      ['user-java', 'user-java', { message: 'healthcheck', status: 'healthy' }],
    ];
    for (const [service, path, body] of health) {
      for (const route of [`/api/${path}/healthcheck`, `/api/healthcheck/${path}`]) {
        const answer = await ask(url(service, route));
        expect(answer, route).to.include({ status: 200 });
        expect(answer.type).to.match(/^application\/json/);
        expect(answer.json).to.deep.equal(body);
      }
      const version = await ask(url(service, `/api/version/${path}`));
      expect(version).to.include({ status: 200, body: 'default' });
    }
    await ask(url('poi', `/api/poi/${seedIds.poi}`));
    await ask(url('poi', '/api/poi/some-other-id'));
    const metrics = await ask(url('poi', '/metrics'));
    expect(metrics.body).to.match(
      /http_request_duration_seconds_count\{[^}]*route="\/api\/poi\/:id",code="200"\} [1-9]/,
    );
    expect(metrics.body)
      .to.match(/route="\/api\/poi\/:id",code="404"/)
      .and.match(/process_resident_memory_bytes/);
    expect(metrics.body).not.to.include('some-other-id').and.not.include(seedIds.poi);
    expect((await ask(url('user-java', '/api/metrics/prometheus'))).body).to.include('http_request_duration_seconds');
    expect(await ask(url('poi', '/api/docs/poi'))).to.have.nested.property(
      'headers.location',
      '/api/docs/poi/index.html',
    );
    expect((await ask(url('poi', '/swagger/docs/poi/swagger.json'))).json.paths).to.have.property('/api/poi/{id}');
    for (const path of ['/api/json/swagger.json', '/api/docs/trips/'])
      expect((await ask(url('trips', path))).status).to.equal(200);
  });

  describe('poi', () => {
    it('speaks indented camelCase JSON', async () => {
      const list = await ask(url('poi', '/api/poi'));
      expect(list).to.include({ status: 200, type: 'application/json; charset=utf-8' });
      expect(list.json).to.have.length(seedCounts.POIs);
      const one = await ask(url('poi', `/api/poi/${seedIds.poi}`));
      expect(one.json).to.have.keys('id', 'tripId', 'latitude', 'longitude', 'poiType', 'timestamp', 'deleted');
      expect(one.body).to.match(/^\{\n {2}"/);
      expect((await ask(url('poi', `/api/poi/trip/${seedIds.trip}`))).json).to.have.length(
        seedCounts.POIs / seedCounts.Trips,
      );
      expect((await ask(url('poi', '/api/poi/trip/none'))).json).to.deep.equal([]);
      expect((await ask(url('poi', '/api/poi/none'))).status).to.equal(404);
    });

    it('creates a POI under an id of its own, and the trip counts it', async () => {
      const trip = (await ask(url('trips', '/api/trips'))).json.at(-1);
      const body = {
        id: 'mine',
        tripId: trip.Id,
        latitude: 1.5,
        longitude: 2.5,
        poiType: 2,
        timestamp: '2019-07-11T10:00:15.003Z',
        deleted: false,
      };
      const created = await ask(url('poi', '/api/poi'), { method: 'POST', body });
      expect(created.status).to.equal(200);
      expect(created.json).to.deep.equal({ ...body, id: created.json.id });
      expect(created.json.id).not.to.equal('mine');
      expect((await ask(url('poi', `/api/poi/${created.json.id}`))).json).to.deep.equal(created.json);
      const after = (await ask(url('trips', `/api/trips/${trip.Id}`))).json;
      expect(after.HardStops).to.equal(trip.HardStops + 1);
      expect((await ask(url('poi', '/api/poi'), { method: 'POST', body: 'no json' })).status).to.equal(400);
    });
  });

  describe('trips', () => {
    const example = {
      Name: 'Trip 2',
      UserId: 'hacker2',
      RecordedTimeStamp: '2019-07-11T10:00:15.003Z',
      EndTimeStamp: '2019-07-11T10:10:15.003Z',
      Rating: 90,
      IsComplete: false,
      HasSimulatedOBDData: false,
      AverageSpeed: 0,
      FuelUsed: 0,
      HardStops: 75,
      HardAccelerations: 63,
      Distance: 5.95,
    };

    it('sends PascalCase JSON as plain text', async () => {
      const list = await ask(url('trips', '/api/trips'));
      expect(list).to.include({ status: 200, type: goText });
      expect(list.json).to.have.length(seedCounts.Trips);
      const one = await ask(url('trips', `/api/trips/${seedIds.trip}`));
      expect(Object.keys(one.json)).to.deep.equal([
        ...['Id', 'Name', 'UserId', 'RecordedTimeStamp', 'EndTimeStamp', 'Rating', 'IsComplete', 'HasSimulatedOBDData'],
        ...['AverageSpeed', 'FuelUsed', 'HardStops', 'HardAccelerations', 'Distance', 'CreatedAt', 'UpdatedAt'],
      ]);
      expect(await ask(url('trips', '/api/'))).to.include({ status: 200, body: 'Trips Service' });
      expect(await ask(url('trips', '/api/trips/')))
        .to.include({ status: 301 })
        .with.nested.property('headers.location', '/api/trips');
      expect(await ask(url('trips', '/api/trips/none'))).to.include({ status: 404, body: '404 page not found\n' });
    });

    it("lists a user's trips, where the containers original fails", async () => {
      const { status, json } = await ask(url('trips', `/api/trips/user/${seedIds.userOfTrip}`));
      expect(status).to.equal(200);
      expect(json).to.have.length(seedCounts.Trips / seedCounts.UserProfiles);
      expect((await ask(url('trips', '/api/trips/user/nobody'))).json).to.deep.equal([]);
    });

    it('creates, blanks on update, and deletes', async () => {
      const created = await ask(url('trips', '/api/trips'), { method: 'POST', body: example });
      expect(created.status).to.equal(200);
      expect(created.json).to.include(example);
      const path = `/api/trips/${created.json.Id}`;
      const updated = await ask(url('trips', path), { method: 'PATCH', body: { Name: 'Renamed' } });
      expect(updated.json).to.include({ Id: created.json.Id, Name: 'Renamed', UserId: '', Rating: 0 });
      expect((await ask(url('trips', path))).json).to.include({ Name: 'Renamed', UserId: '', HardStops: 0 });
      expect(await ask(url('trips', path), { method: 'DELETE' })).to.include({ status: 200, body: '"{}"' });
      expect((await ask(url('trips', path))).status).to.equal(404);
      const bad = await ask(url('trips', '/api/trips'), { method: 'POST', body: '[' });
      expect(bad).to.include({ status: 500, type: goText });
      expect(bad.json.Message).to.match(/^Error while decoding json: /);
    });

    it('keeps the quirks of trip points', async () => {
      const points = `/api/trips/${seedIds.trip}/trippoints`;
      const list = await ask(url('trips', points));
      expect(list).to.include({ status: 200, type: goText });
      expect(list.json).to.have.length(seedCounts.TripPoints / seedCounts.Trips);
      const point = (await ask(url('trips', `${points}/${seedIds.tripPoint}`))).json;
      expect(point).to.deep.include({ Id: seedIds.tripPoint, TripId: seedIds.trip, CreatedAt: '0001-01-01T00:00:00Z' });
      expect(point.VIN).to.have.keys('String', 'Valid');
      expect(point).not.to.have.any.keys('MassFlowRate', 'Deleted');
      const missing = await ask(url('trips', `${points}/none`));
      expect(missing).to.include({ status: 200 });
      expect(missing.json.Message).to.equal('Failed to scan a trip point: sql: no rows in result set');

      const body = { Latitude: 47.5, Longitude: -122, Speed: 10, Sequence: 99, VIN: { String: 'V1', Valid: true } };
      const created = await ask(url('trips', points), { method: 'POST', body });
      expect(created.json).to.deep.include(body);
      const path = `${points}/${created.json.Id}`;
      expect((await ask(url('trips', path))).json).to.deep.include(body);
      expect(await ask(url('trips', path), { method: 'PATCH', body: { ...body, Speed: 20 } })).to.include({
        status: 200,
        body: '{}',
      });
      expect((await ask(url('trips', path))).json).to.include({ Speed: 20, TripId: seedIds.trip });
      expect(await ask(url('trips', path), { method: 'DELETE' })).to.include({ status: 200, body: '"{}"' });
      expect((await ask(url('trips', path))).json).to.have.property('Message');

      const stringVin = { ...body, VIN: 'plain' };
      expect((await ask(url('trips', points), { method: 'POST', body: stringVin })).status).to.equal(500);
      expect((await ask(url('trips', path), { method: 'PATCH', body: stringVin })).status).to.equal(200);
      const orphan = await ask(url('trips', '/api/trips/none/trippoints'), { method: 'POST', body });
      expect(orphan.status).to.equal(500);
      expect(orphan.json.Message).to.match(/^Error while inserting Trip Point into database: /);
    });
  });

  describe('userprofile', () => {
    it('sends arrays without a content type, and {} for nobody', async () => {
      const list = await ask(url('userprofile', '/api/user'));
      expect(list).to.include({ status: 200, type: undefined });
      expect(list.json).to.have.length.at.least(seedCounts.UserProfiles);
      const one = await ask(url('userprofile', `/api/user/${seedIds.user}`));
      expect(one.json).to.have.length(1);
      expect(one.json[0]).to.include({
        Id: seedIds.user,
        UserId: seedIds.userOfTrip,
        Deleted: false,
        Version: 'AAAAAAAAAAE=',
      });
      expect(await ask(url('userprofile', '/api/user/nobody'))).to.include({ status: 200, body: '{}' });
    });

    it('creates, patches and softly deletes', async () => {
      const profile = {
        ...{
          FirstName: 'New',
          LastName: 'User',
          UserId: 'new',
          ProfilePictureUri: '',
          Rating: 1,
          Ranking: 2,
          TotalDistance: 3,
        },
        ...{ TotalTrips: 4, TotalTime: 5, HardStops: 6, HardAccelerations: 7, FuelConsumption: 8, MaxSpeed: 9 },
      };
      const path = url('userprofile', '/api/user/new-user');
      expect(await ask(path, { method: 'POST', body: profile, headers: accept })).to.include({ status: 200, body: '' });
      expect((await ask(path)).json[0]).to.include(profile);
      const again = await ask(path, { method: 'POST', body: profile, headers: accept });
      expect(again).to.include({ status: 500 });
      expect(again.body).to.match(/duplicate key/);
      expect(await ask(path, { method: 'PATCH', body: { Rating: 50 }, headers: accept })).to.include({
        status: 200,
        body: '',
      });
      expect((await ask(path)).json[0]).to.include({ ...profile, Rating: 50 });
      expect(await ask(path, { method: 'DELETE' })).to.include({ status: 200, body: 'User profile new-user deleted' });
      expect((await ask(path)).json[0]).to.include({ Deleted: true });
    });
  });

  describe('user-java', () => {
    const profile = {
      ...{
        firstName: 'J',
        lastName: 'Ava',
        userId: 'java',
        profilePictureUri: '',
        rating: 1,
        ranking: 2,
        totalDistance: 3,
      },
      ...{
        totalTrips: 4,
        totalTime: 5,
        hardStops: 6,
        hardAccelerations: 7,
        fuelConsumption: 8,
        maxSpeed: 9,
        deleted: false,
      },
    };
    const path = (): string => url('user-java', '/api/user-java/java-user');

    it('answers 501 unless JSON is accepted by name', async () => {
      for (const headers of [{}, { accept: '*/*' }, { accept: 'text/html' }]) {
        const answer = await ask(path(), {
          method: 'POST',
          body: profile,
          headers: { 'content-type': 'application/json', ...headers },
        });
        expect(answer).to.include({ status: 501, body: '' });
      }
    });

    it('saves a profile and patches it with the slips of the original', async () => {
      const created = await ask(path(), { method: 'POST', body: profile, headers: accept });
      expect(created.status).to.equal(200);
      expect(created.json).to.include({ id: 'java-user', ...profile });
      const patched = await ask(path(), { method: 'PATCH', body: { rating: 90, maxSpeed: 100 }, headers: accept });
      // Rating follows ranking, and a distance that is not given becomes the number of trips.
      expect(patched.json).to.include({ rating: 2, ranking: 2, totalDistance: 4, maxSpeed: 100 });
      expect((await ask(url('userprofile', '/api/user/java-user'))).json[0]).to.include({
        Rating: 2,
        TotalDistance: 4,
      });
    });

    it('fails on a missing number and on an unknown user', async () => {
      const incomplete = { ...profile, rating: undefined };
      expect((await ask(path(), { method: 'POST', body: incomplete, headers: accept })).status).to.equal(500);
      const unknown = url('user-java', '/api/user-java/nobody');
      expect((await ask(unknown, { method: 'PATCH', body: seedUser, headers: accept })).status).to.equal(500);
      expect((await ask(path(), { method: 'PATCH', body: 'no json', headers: accept })).status).to.equal(400);
    });
  });
});
