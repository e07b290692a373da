import { expect } from 'chai';
import { choosePackages } from '../../../src/tools/debian.ts';
import { readLock, seriesOf, type DebianLock } from '../../../src/tools/lock.ts';
import { NotHere } from '../../../src/tools/source.ts';

const lockOf = (name: 'postgres' | 'tcpdump'): DebianLock => readLock().tools[name].package as DebianLock;

/** What apt-cache policy says on a release that has these packages. */
const aptWith = (versions: Record<string, string>): Parameters<typeof choosePackages>[0] => ({
  candidate: async (name) => versions[name],
});

const postgres = (series: string, version: string): Record<string, string> => ({
  [`postgresql-${series}`]: version,
  [`postgresql-client-${series}`]: version,
});

describe('series of a Debian package', () => {
  const releases: [string, string, string][] = [
    ['Debian 12', '15', '15.14-0+deb12u1'],
    ['Debian 13', '17', '17.6-0+deb13u1'],
    ['Ubuntu 22.04', '14', '14.19-0ubuntu0.22.04.1'],
    ['Ubuntu 24.04', '16', '16.10-0ubuntu0.24.04.1'],
  ];
  for (const [release, series, version] of releases) {
    it(`${release}: PostgreSQL ${series}, with its own directories`, async () => {
      const chosen = await choosePackages(aptWith(postgres(series, version)), lockOf('postgres'));
      expect(chosen.version).to.equal(version);
      expect(chosen.packages).to.deep.equal([
        { name: `postgresql-${series}`, version },
        { name: `postgresql-client-${series}`, version },
      ]);
      expect(chosen.lock.directories).to.deep.equal([`usr/lib/postgresql/${series}/bin`]);
      expect(JSON.stringify(chosen.lock)).not.to.match(/\{series\}/);
    });
  }

  it('is the preferred one where apt has several', async () => {
    const apt = aptWith({ ...postgres('17', '17.6-1.pgdg'), ...postgres('15', '15.14-1.pgdg') });
    expect((await choosePackages(apt, lockOf('postgres'))).version).to.equal('15.14-1.pgdg');
  });

  it('is the next one where apt has only a part of the preferred one, or a wrong version of it', async () => {
    const part = aptWith({ 'postgresql-client-15': '15.14', ...postgres('16', '16.10') });
    expect((await choosePackages(part, lockOf('postgres'))).version).to.equal('16.10');
    const wrong = aptWith({ ...postgres('15', '1:9.6'), ...postgres('16', '1:16.10') });
    expect((await choosePackages(wrong, lockOf('postgres'))).version).to.equal('16.10');
  });

  it('is none, with every reason, where apt has none in range', async () => {
    const error: unknown = await choosePackages(aptWith(postgres('17', '18.1')), lockOf('postgres')).catch((e) => e);
    expect(error).to.be.instanceOf(NotHere);
    expect((error as NotHere).message)
      .to.include('has postgresql-15, postgresql-client-15')
      .and.include('Debian has postgresql-17 18.1, not >=14.0 <18.0')
      .and.include('has postgresql-14, postgresql-client-14');
  });

  it('leaves a package without series as it is', () => {
    expect(seriesOf(lockOf('tcpdump'))).to.deep.equal([lockOf('tcpdump')]);
  });
});
