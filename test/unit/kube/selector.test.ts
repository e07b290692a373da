import { expect } from 'chai';
import { unmet } from '../../../src/kube/selector.ts';

describe('a label selector of the API', () => {
  const labels = { app: 'web', tier: 'front' };
  for (const [what, selector, says] of [
    ['takes everything when it is empty', {}, undefined],
    ['takes what has its labels', { matchLabels: { app: 'web' } }, undefined],
    ['says which label is missing', { matchLabels: { app: 'web', zone: 'a' } }, 'zone=a'],
    ['In: one of several', { matchExpressions: [{ key: 'app', operator: 'In', values: ['cart', 'web'] }] }, undefined],
    ['In: another', { matchExpressions: [{ key: 'app', operator: 'In', values: ['cart'] }] }, 'app In [cart]'],
    ['In: not there', { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }, 'zone In [a]'],
    ['NotIn: not there is fine', { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, undefined],
    ['NotIn: there', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, 'app NotIn [web]'],
    ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, undefined],
    ['Exists: not there', { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, 'zone Exists'],
    ['DoesNotExist', { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, undefined],
    ['DoesNotExist: there', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, 'app DoesNotExist'],
    ['an operator of tomorrow takes nothing', { matchExpressions: [{ key: 'app', operator: 'Like' }] }, 'app Like'],
  ] as const)
    it(what, () => {
      expect(unmet(selector, labels)).to.equal(says);
    });
});
