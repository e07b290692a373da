import { expect } from 'chai';
import { bundleTripInsights, tripInsightsServices } from '../../../../src/apps/tripinsights/images.ts';

describe('bundleTripInsights', () => {
  it('gives one self-contained file a service, the same each time, without a path of this machine', async () => {
    const first = await bundleTripInsights();
    const second = await bundleTripInsights();
    expect(Object.keys(first).sort()).to.deep.equal([...tripInsightsServices].sort());
    for (const service of tripInsightsServices) {
      const text = Buffer.from(first[service]).toString();
      expect(text === Buffer.from(second[service]).toString(), service).to.equal(true);
      expect(text).not.to.include(process.cwd());
    }
  });
});
