import { expect } from 'chai';
import { seedCounts, seedIds, seedRows, seedUser } from '../../../integration/apps/tripinsights/seed.ts';

describe('TripInsights’ seed', () => {
  it('is small, and each row has its own id: the lists return them all, and captures hold every answer several times', () => {
    for (const [table, rows] of Object.entries(seedCounts)) {
      expect(rows, table).to.be.within(3, 30);
      const ids = seedRows(table as keyof typeof seedCounts).map(({ Id }) => Id);
      expect(new Set(ids).size, table).to.equal(rows);
    }
  });

  it("has the originals' ids, and a user whose figures can be patched with what is there", () => {
    const find = (table: keyof typeof seedCounts, id: string) => seedRows(table).find(({ Id }) => Id === id);
    expect(find('TripPoints', seedIds.tripPoint)).to.have.property('TripId', seedIds.trip);
    expect(find('POIs', seedIds.poi)).to.have.property('TripId', seedIds.trip);
    expect(find('Trips', seedIds.trip)).to.have.property('UserId', seedIds.userOfTrip);
    const { ranking, rating, totalDistance } = seedUser;
    expect(find('UserProfiles', seedIds.user)).to.include({
      UserId: seedIds.userOfTrip,
      Ranking: String(ranking),
      Rating: String(rating),
      TotalDistance: String(totalDistance),
    });
  });

  it('holds together: points, POIs and drivers exist, and the hard stops are those of the POIs', () => {
    const users = seedRows('UserProfiles').map(({ UserId }) => UserId);
    for (const trip of seedRows('Trips')) {
      expect(users).to.include(trip['UserId']);
      const stops = seedRows('POIs').filter(({ TripId, POIType }) => TripId === trip['Id'] && POIType === '2');
      expect(trip['HardStops']).to.equal(String(stops.length));
      expect(seedRows('TripPoints').filter(({ TripId }) => TripId === trip['Id'])).to.have.length(
        seedCounts.TripPoints / seedCounts.Trips,
      );
    }
  });
});
