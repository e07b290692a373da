import { expect } from 'chai';
import { checkFindings } from '../../../../src/meshes/linkerd/health-checks.ts';

const check = (description: string, result: 'success' | 'warning' | 'error', more: object = {}) => ({
  description,
  result,
  ...more,
});

describe("what Linkerd's own check says", () => {
  it('is counted where it is well', () => {
    const output = {
      categories: [{ categoryName: 'linkerd-existence', checks: [check('pods are running', 'success')] }],
    };
    expect(checkFindings(output)).to.deep.equal({ problems: [], passed: 1 });
  });

  it('is told by its own names where it is not, with its hint', () => {
    const hint = 'https://linkerd.io/checks/#l5d-identity';
    const output = {
      categories: [
        {
          categoryName: 'linkerd-identity',
          checks: [check('issuer cert is valid', 'error', { error: 'expired', hint })],
        },
        { categoryName: 'linkerd-webhooks', checks: [check('webhook cert is fresh', 'warning')] },
      ],
    };
    expect(checkFindings(output).problems).to.deep.equal([
      `linkerd-identity: issuer cert is valid: expired (${hint})`,
      'linkerd-webhooks: webhook cert is fresh',
    ]);
  });

  it('does not depend on what the internet says of versions', () => {
    const output = {
      categories: [
        { categoryName: 'linkerd-version', checks: [check('can determine the latest version', 'error')] },
        {
          categoryName: 'linkerd-control-plane-proxy',
          checks: [check('control plane proxies are up-to-date', 'warning')],
        },
      ],
    };
    expect(checkFindings(output)).to.deep.equal({ problems: [], passed: 0 });
    expect(checkFindings({})).to.deep.equal({ problems: [], passed: 0 });
  });
});
