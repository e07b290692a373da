import type { SidecarProblem } from '../meshes/adapter.ts';
import type { HealthCheck } from '../observe/health/health.ts';
import { certificateProblems, type LeafCertificate } from '../observe/health/sidecars.ts';
import { seconds } from '../observe/health/check.ts';
import { shortIdentity } from '../base/words.ts';
import type { SeenPod } from './seen-pods.ts';

export interface DataPlaneInput {
  pods: readonly SeenPod[];
  /** Of every pod that should be in the mesh. */
  problems: readonly SidecarProblem[];
  /** By pod uid; those that could not be asked have none. */
  certificates: ReadonlyMap<string, readonly LeafCertificate[]>;
  now: number;
  /** What a certificate must live on. */
  minLeftMs: number;
}

/** Pure: one check for each pod that is in the mesh, or should be: its sidecar and its certificate. */
export function dataPlaneChecks({ pods, problems, certificates, now, minLeftMs }: DataPlaneInput): HealthCheck[] {
  return pods.flatMap(({ ref, service, meshed }): HealthCheck[] => {
    const wrong = problems.filter(({ pod, namespace }) => pod === ref.name && namespace === ref.namespace);
    if (!meshed && wrong.length === 0) return [];
    const held = certificates.get(ref.uid);
    const faults = [
      ...wrong.map(({ problem, detail }) => `${problem}: ${detail}`),
      ...(held === undefined ? [] : certificateProblems(ref.name, held, { now, minLeftMs })),
    ];
    const check = { id: `data-plane/${ref.name}`, title: `${ref.name} (${service})`, category: 'mesh' as const };
    if (faults.length > 0) {
      const hint =
        'A pod that was made before the mesh was ready stays outside: delete it, so that it is made again. Else look at the log of its sidecar.';
      return [{ ...check, status: 'fail', observed: faults.join('; '), hint }];
    }
    if (held === undefined) {
      return [
        { ...check, status: 'error', observed: 'its certificate cannot be read', hint: 'Ask again in a moment.' },
      ];
    }
    const soonest = Math.min(...held.map(({ notAfter }) => notAfter));
    const names = [...new Set(held.map(({ identity }) => identity).filter(Boolean))].map(shortIdentity).join(', ');
    const observed = `sidecar connected and in sync; certificate of ${names} lives ${seconds(soonest - now)} more`;
    return [{ ...check, status: 'pass', observed }];
  });
}
