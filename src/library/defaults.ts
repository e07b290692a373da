import { defaultApp } from '../apps/default-app.ts';
import { meshes, type MeshName } from '../meshes/index.ts';

export const meshNames = Object.keys(meshes) as [MeshName, ...MeshName[]];

/** What is meant where nobody says otherwise, on the command line and in the library. */
export const defaults = {
  app: defaultApp,
  cluster: 'auto',
  mesh: meshNames[0],
  scenarios: 'success-criteria',
  reportsDir: 'reports',
  verify: { windowMs: 30_000, errorsAtMost: 0.01, minRequests: 10 },
} as const;
