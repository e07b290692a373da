import { defineGroup } from './define-capability.ts';

export const delivery = defineGroup('delivery', {
  canary: 'Canary by weight, with analysis',
  promotion: 'Automatic promotion',
  rollback: 'Automatic rollback',
  'blue-green': 'Blue/green',
  'a-b': 'A/B by header',
});
