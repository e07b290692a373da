import { defineGroup } from './define-capability.ts';

export const routing = defineGroup('routing', {
  header: 'By header: a named user gets v1',
  'path-and-method': 'By path and method',
  weight: 'By weight: 50/50, 90/10',
  mirroring: 'Mirroring: a copy of the traffic goes to another version',
  'redirects-and-rewrites': 'Redirects and rewrites',
  shifting: 'Traffic shifting, step by step',
});
