import { join } from 'node:path';
import { MeshproofError } from '../../base/errors.ts';
import { cgroupRootOf } from './cgroup.ts';
import type { LabRecord } from './lab-record.ts';
import { bridgeIpOf, podCidrOf } from './node-network.ts';

/** More would share the CPUs of one machine, and prove nothing that five do not. */
export const maxNodes = 5;

/** A node of a lab: what follows from its number, before anything of it is there. */
export interface NodePlan {
  /** From 1 on. The first has the control plane too, and the link to the host. */
  number: number;
  name: string;
  /** In errors: where there is one only, nobody needs its name. */
  title: string;
  /** For its files; that of the first is the lab's own. */
  dir: string;
  podCidr: string;
  /** Its address among the nodes; undefined of a node that is alone: it is reached by its link. */
  bridgeIp: string | undefined;
  /** Undefined of a node that is alone: there is nothing to spread over. */
  zone: string | undefined;
  /** The kubelet's. Two kubelets under one root would remove each other's pods from it. */
  cgroupRoot: string;
}

/** The nodes of a lab, those of an earlier version too: these had one. */
export function planNodes({ name, id, nodes = 1 }: Pick<LabRecord, 'name' | 'id' | 'nodes'>, dir: string): NodePlan[] {
  if (nodes === 1) {
    const alone = { bridgeIp: undefined, zone: undefined, cgroupRoot: cgroupRootOf(id) };
    return [{ number: 1, name: `${name}-node`, title: 'The node', dir, podCidr: podCidrOf(1), ...alone }];
  }
  return Array.from({ length: nodes }, (_, index) => {
    const number = index + 1;
    return {
      number,
      name: `${name}-node-${number}`,
      title: `Node ${name}-node-${number}`,
      dir: number === 1 ? dir : join(dir, 'nodes', String(number)),
      podCidr: podCidrOf(number),
      bridgeIp: bridgeIpOf(number),
      zone: `zone-${number}`,
      cgroupRoot: `${cgroupRootOf(id)}/node-${number}`,
    };
  });
}

/** @throws MeshproofError MESHPROOF_USAGE */
export function checkNodeCount(nodes: number): void {
  if (Number.isInteger(nodes) && nodes >= 1 && nodes <= maxNodes) return;
  throw new MeshproofError(
    'MESHPROOF_USAGE',
    `An embedded lab cannot have ${nodes} nodes`,
    `Ask for 1 to ${maxNodes}: all of them are on this machine.`,
  );
}
