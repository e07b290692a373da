import type { KubeObject } from './types.ts';

/** A port of a Service. */
export interface ServicePort {
  port: number;
  /** Number or name of the container's port. */
  targetPort: number | string;
  appProtocol?: string | undefined;
}

/** Those that a Service says, with the target port that it means where it says none. */
export function servicePorts({ spec }: KubeObject): ServicePort[] {
  const ports = (spec?.ports ?? []) as (Omit<ServicePort, 'targetPort'> & { targetPort?: number | string })[];
  return ports.map(({ port, targetPort = port, appProtocol }) => ({
    port,
    targetPort,
    ...(appProtocol !== undefined && { appProtocol }),
  }));
}
