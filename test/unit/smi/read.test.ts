import { expect } from 'chai';
import { explain } from '../../../src/smi/explain.ts';
import { readSmi } from '../../../src/smi/read.ts';
import { literalPrefix, wholePath } from '../../../src/smi/regex.ts';
import { around, groups, metrics, openTarget, splits, targets } from './objects.ts';

const said = (object: Parameters<typeof readSmi>[0]): string => explain(readSmi(object)!);

describe('SMI objects', () => {
  for (const [version, object] of Object.entries(splits)) {
    it(`TrafficSplit ${version} is read, whatever its weights add up to`, () => {
      expect(said(object)).to.equal('of the requests to web: 90 % to web-v1, 10 % to web-v2');
    });
  }

  for (const [version, object] of Object.entries(targets)) {
    it(`TrafficTarget ${version} is read, with spec or without`, () => {
      expect(said(object)).to.equal('shop/web may call shop/cart, only read of routes');
    });
  }

  for (const [version, object] of Object.entries(groups)) {
    it(`HTTPRouteGroup ${version} is read, however it writes headers`, () => {
      const android = version === 'v1alpha1' ? 'insiders (any)' : 'insiders (any, header user-agent .*Android.*)';
      expect(said(object)).to.equal(`gives names to requests: read (GET, HEAD /api/cart/.*), ${android}`);
    });
  }

  it('TrafficMetrics are read, and a target without rules', () => {
    expect(said(metrics)).to.equal('figures of Deployment web to Deployment cart: p99_response_latency 12ms');
    expect(said(openTarget)).to.equal('shop/web may call shop/cart');
  });

  it('are told from others, also from those of the same kind in another group', () => {
    expect(around.map(readSmi)).to.deep.equal(around.map(() => undefined));
    expect(readSmi({ ...splits.v1alpha2!, apiVersion: 'split.example/v1' })).to.equal(undefined);
  });
});

describe('an expression of SMI', () => {
  it('matches from the beginning: where all must match, the rest is said', () => {
    expect(['/metrics', '/api/.*', '/ping$'].map(wholePath)).to.deep.equal(['/metrics.*', '/api/.*', '/ping']);
  });

  it('is a prefix only where it is plain text', () => {
    expect(['/api/.*', '^/a-b', '/v1\\.0/', '.*'].map(literalPrefix)).to.deep.equal(['/api/', '/a-b', '/v1.0/', '']);
    expect(['/a|/b', '/a.c', '/[0-9]+', '/a$'].map(literalPrefix)).to.deep.equal(Array(4).fill(undefined));
  });
});
