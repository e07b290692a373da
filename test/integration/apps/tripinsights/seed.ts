import { readFileSync } from 'node:fs';

/** Rows of a table of the seed, by column. */
export function seedRows(table: 'UserProfiles' | 'Trips' | 'TripPoints' | 'POIs'): Record<string, string>[] {
  const read = (name: string): string =>
    readFileSync(new URL(`../../../../apps/tripinsights/seed/${name}`, import.meta.url), 'utf8');
  const columns = new RegExp(`^COPY "${table}" \\((.*)\\) FROM`, 'm').exec(read('setup.sql'))?.[1]?.split(', ') ?? [];
  const names = columns.map((name) => name.replaceAll('"', ''));
  return read(`${table}.tsv`)
    .trimEnd()
    .split('\n')
    .map((line) => Object.fromEntries(line.split('\t').map((value, i) => [names[i] ?? '', value])));
}

const count = (table: Parameters<typeof seedRows>[0]): number => seedRows(table).length;
export const seedCounts = {
  UserProfiles: count('UserProfiles'),
  Trips: count('Trips'),
  TripPoints: count('TripPoints'),
  POIs: count('POIs'),
};

/** Ids that the original data has too: usable against ours and against the original images. */
export const seedIds = {
  user: 'aa1d876a-3e37-4a7a-8c9b-769ee6217ec1',
  trip: 'ea2f7ae0-3cef-49cb-b7d1-ce972113120c',
  tripPoint: '23dfc028-f84f-4230-b297-88a4bafb6c22',
  poi: '264ffaa3-1fe8-4fb0-a4fb-63bdbc9999ae',
  userOfTrip: 'SomeUser',
} as const;

/** The seeded user's figures that a PATCH in user-java can repeat without changing the row. */
export const seedUser = { ranking: 42, rating: 42, totalTrips: 10, totalDistance: 10 } as const;
