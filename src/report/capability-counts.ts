import { capabilityStatuses, type CapabilityStatus } from '../capabilities/cell.ts';

/** `26 proven, 40 supported, 9 unsupported` */
export function capabilityCounts(cells: readonly { status: CapabilityStatus }[]): string {
  return capabilityStatuses
    .map((status) => [cells.filter((cell) => cell.status === status).length, status] as const)
    .filter(([number]) => number > 0)
    .map(([number, status]) => `${number} ${status}`)
    .join(', ');
}
