import type { RunningApp } from '../apps/app.ts';
import { MeshproofError } from '../base/errors.ts';
import type { ProbeResult } from '../judge/rules/state-rules.ts';
import type { PodRef } from '../kube/types.ts';
import { probePod } from '../lab/app-pods.ts';
import { runProbe } from '../lab/ask-in-pod.ts';
import { clientName } from '../lab/client.ts';
import type { RunContext } from './context.ts';

/** What the three probes of a service are called. */
export function probeNames(service: string): Record<'unmeshed' | 'plaintext' | 'noCertificate', string> {
  return {
    unmeshed: `unmeshed client -> unmeshed ${service}`,
    plaintext: `unmeshed client -> ${service}`,
    noCertificate: `client without certificate -> ${service}`,
  };
}

/** Connections that must not be let in, tried for real from an unmeshed pod; and one that must, so that a refusal means something. */
export async function probeResults(
  context: RunContext,
  { twin, service: name }: { twin: RunningApp; service: string },
): Promise<ProbeResult[]> {
  const { lab, signal } = context;
  const service = lab.app.app.services.find((candidate) => candidate.name === name);
  const meshed = first(await lab.app.pods(name), name);
  const plain = first(await twin.pods(name), name);
  const { port } = await lab.mesh.wireExpectation(clientName, name);
  const path = service?.call?.path ?? '/';
  const appPort = service?.containerPort;
  const names = probeNames(name);
  const probe = [
    { name: names.unmeshed, kind: 'http', host: plain.ip, port: appPort, path },
    { name: names.plaintext, kind: 'http', host: meshed.ip, port: appPort, path },
    { name: names.noCertificate, kind: 'tls-without-certificate', host: meshed.ip, port, path },
  ];
  return runProbe<ProbeResult[]>(lab.kube, await probePod(lab.kube, twin.namespace), { probe }, signal);
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
