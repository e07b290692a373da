import type { CapabilityCell } from './cell.ts';
import { isProofOf, type Proof, type Tried } from './proof.ts';

/** A cell as a run leaves it: `declared` is what it is without the run. */
export interface RunCapability extends Omit<CapabilityCell, 'alsoBy'> {
  declared: Pick<CapabilityCell, 'status' | 'scenario' | 'reason'>;
}

/** What counts of a run: its trials, and what was measured while they ran. */
export interface SeenInRun {
  readonly scenarios: readonly { readonly id: string; readonly status: string; readonly tried?: Tried | undefined }[];
  readonly signals: readonly { readonly scenario: string; readonly protocol: string }[];
}

/**
 * Pure: of what can be proven, only that is proven which a scenario of this run proved: every trial of it that is about the
 * capability passed. `report check` calls it again.
 */
export function capabilitiesOfRun(cells: readonly CapabilityCell[], run: SeenInRun): RunCapability[] {
  return cells.map((cell) => {
    const { status, scenario, reason } = cell;
    return judged({ ...cell, declared: { status, ...(scenario && { scenario }), ...(reason && { reason }) } }, run);
  });
}

/** The same of cells that a report states: whatever it says became of them is left aside. */
export function capabilitiesAgain(stated: readonly RunCapability[], run: SeenInRun): RunCapability[] {
  return stated.map((cell) => judged(cell, run));
}

function judged(cell: RunCapability, run: SeenInRun): RunCapability {
  const { id, group, capability, mesh, source, proof, declared } = cell;
  const rest = { id, group, capability, mesh, ...(source && { source }), ...(proof && { proof }), declared };
  const tried = proof === undefined ? new Map<string, string[]>() : trialsOf(proof, run);
  const proving = [...tried].find(([, statuses]) => statuses.every((status) => status === 'pass'));
  if (proving !== undefined) return { ...rest, status: 'proven', scenario: proving[0] };
  if (declared.status !== 'proven') return { ...rest, ...declared };
  return { ...rest, status: 'supported', reason: whyNot(declared.scenario ?? '', tried) };
}

/** By scenario, how its trials ended that could prove it. */
function trialsOf(proof: Proof, { scenarios, signals }: SeenInRun): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { id, status, tried } of scenarios) {
    if (tried === undefined || !isProofOf(proof, tried)) continue;
    const { protocol } = proof;
    if (protocol !== undefined && !signals.some((row) => row.scenario === id && row.protocol === protocol)) continue;
    found.set(tried.scenario, [...(found.get(tried.scenario) ?? []), status]);
  }
  return found;
}

function whyNot(scenario: string, tried: ReadonlyMap<string, readonly string[]>): string {
  const [first] = tried;
  if (first === undefined) return `${scenario} proves it; this run did not try it`;
  const [name, statuses] = first;
  return `${name} proves it; in this run it ended ${statuses.find((status) => status !== 'pass') ?? 'open'}`;
}
