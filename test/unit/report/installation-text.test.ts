import { expect } from 'chai';
import { installationText } from '../../../src/report/installation-text.ts';

describe('the installation of a mesh, in a report', () => {
  it('says whose it is, which, and in which dialect it is told policies', () => {
    expect(installationText({ adopted: false, namespace: 'istio-system', revision: 'default' })).to.equal(
      'installed by meshproof: revision default in istio-system',
    );
    expect(
      installationText({
        ...{ adopted: true, namespace: 'mesh', revision: 'canary', tags: ['prod'], profile: 'demo' },
        dialect: 'gateway-api',
      }),
    ).to.equal(
      'adopted as it was: revision canary (tag prod), profile demo in mesh, policies in the dialect gateway-api',
    );
  });
});
