import type { ProbeResult } from '../judge/rules/state-rules.ts';
import { MeshproofError } from '../base/errors.ts';
import type { PodRef } from '../kube/types.ts';
import type { RunContext } from './context.ts';
import { runProbe } from './in-pod.ts';

/** Connections that must not be let in, tried for real from an unmeshed pod; and one that must, so that a refusal means something. */
export async function probeResults(context: RunContext): Promise<ProbeResult[]> {
  const { lab, signal } = context;
  const { meshed, plain } = lab.namespaces;
  await lab.ensurePlain(context);
  const meshedTrips = first(await lab.readyPods('trips', meshed), 'trips');
  const plainTrips = first(await lab.readyPods('trips', plain), 'trips');
  const { port } = await lab.mesh.wireExpectation(lab.client, 'trips');
  const { containerPort: appPort, call } = lab.serviceNamed('trips');
  const path = call?.path;
  const probe = [
    { name: 'unmeshed client -> unmeshed trips', kind: 'http', host: plainTrips.ip, port: appPort, path },
    { name: 'unmeshed client -> trips', kind: 'http', host: meshedTrips.ip, port: appPort, path },
    { name: 'client without certificate -> trips', kind: 'tls-without-certificate', host: meshedTrips.ip, port, path },
  ];
  return runProbe<ProbeResult[]>(lab.kube, await lab.probePod(plain), { probe }, signal);
}

function first(pods: readonly PodRef[], service: string): PodRef {
  const [pod] = pods;
  if (pod === undefined)
    throw new MeshproofError(
      'MESHPROOF_WORKLOAD_NOT_READY',
      `No ready pod of ${service}`,
      'Look at the pods of its namespace.',
    );
  return pod;
}
