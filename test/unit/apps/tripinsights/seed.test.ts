import { readdir, readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { copyText, seedCounts, seedIds, seedRows } from '../../../../fixtures/tripinsights/seed/data.ts';
import { seededRandom } from '../../../../fixtures/tripinsights/seed/random.ts';
import { seedFiles } from '../../../../fixtures/tripinsights/seed/sql.ts';
import type { TableName } from '../../../../fixtures/tripinsights/seed/schema.ts';

const rows = seedRows();
const tables = Object.keys(seedCounts) as TableName[];

describe('TripInsights seed', () => {
  it('has the promised number of rows, each with its own id', () => {
    for (const table of tables) {
      expect(rows[table], table).to.have.length(seedCounts[table]);
      expect(new Set(rows[table].map((row) => row.Id)).size, table).to.equal(seedCounts[table]);
    }
  });

  it("has the originals' ids", () => {
    const has = (table: TableName, id: string): boolean => rows[table].some((row) => row.Id === id);
    expect(has('UserProfiles', seedIds.user)).to.equal(true);
    expect(has('TripPoints', seedIds.tripPoint)).to.equal(true);
    expect(has('POIs', seedIds.poi)).to.equal(true);
    expect(rows.Trips.find((row) => row.Id === seedIds.trip)).to.include({ UserId: seedIds.userOfTrip });
  });

  it('holds together: points, POIs and drivers exist, and the hard stops are those of the POIs', () => {
    const users = new Set(rows.UserProfiles.map((row) => row.UserId));
    const trips = new Map(rows.Trips.map((row) => [row.Id, row]));
    const stops = new Map<unknown, number>();
    for (const trip of rows.Trips) expect(users.has(trip.UserId!)).to.equal(true);
    for (const row of [...rows.TripPoints, ...rows.POIs]) expect(trips.has(row.TripId!)).to.equal(true);
    for (const poi of rows.POIs) if (poi.POIType === 2) stops.set(poi.TripId, (stops.get(poi.TripId) ?? 0) + 1);
    for (const trip of rows.Trips) expect(trip.HardStops).to.equal(stops.get(trip.Id) ?? 0);
  });

  it('is what the app’s database image gets, on every machine and every day (UPDATE_GOLDEN=1 writes it)', async () => {
    const folder = new URL('../../../../apps/tripinsights/seed/', import.meta.url);
    const files = seedFiles('/opt/seed');
    expect((await readdir(folder)).sort()).to.deep.equal(Object.keys(files).sort());
    for (const [name, text] of Object.entries(files)) {
      const file = new URL(name, folder);
      if (process.env.UPDATE_GOLDEN === '1') await writeFile(file, text);
      expect((await readFile(file, 'utf8')) === text, name).to.equal(true);
    }
  });

  it('comes from a generator that gives another sequence for another seed', () => {
    const draw = (seed: number): string[] => Array.from({ length: 3 }, seededRandom(seed).uuid);
    expect(draw(1)).to.deep.equal(draw(1));
    expect(draw(1)).not.to.deep.equal(draw(2));
    for (const id of draw(1))
      expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('needs no escaping in COPY', () => {
    for (const table of tables) expect(copyText(table, rows[table]).replaceAll('\\N', '')).not.to.include('\\');
  });
});
