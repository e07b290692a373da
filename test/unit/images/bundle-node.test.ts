import { expect } from 'chai';
import { bundleNode } from '../../../src/images/bundle-node.ts';
import { loadApp } from '../../../src/apps/load-app.ts';

describe('bundleNode', () => {
  it('gives one self-contained file, the same each time, without a path of this machine', async () => {
    const { images = [] } = await loadApp('tripinsights');
    const mains = images.flatMap(({ source }) => (source.kind === 'node' ? [source.main] : []));
    expect(mains).to.have.length(5);
    // One with a database, one with JSX.
    for (const main of mains.filter((path) => /poi|tripviewer/.test(path))) {
      const [first, second] = [await bundleNode(main), await bundleNode(main)];
      expect(Buffer.compare(first, second), main).to.equal(0);
      expect(Buffer.from(first).toString()).not.to.include(process.cwd());
    }
  });

  it('says what cannot be bundled, and why', async () => {
    const error = await bundleNode('/nowhere/main.ts').catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'MESHPROOF_IMAGE');
    expect(String(error)).to.match(/\/nowhere\/main\.ts could not be bundled: /);
  });
});
