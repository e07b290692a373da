import { capabilityCell, type CapabilityCell, type CapableMesh } from '../capabilities/cell.ts';
import { capabilities } from '../capabilities/index.ts';
import { catalogue, loadScenarios } from './load.ts';
import { triedOf } from './tried.ts';

/** Every capability of each mesh, by the scenarios that come with meshproof; in the order of the registries. */
export async function capabilityMatrix(meshes: readonly CapableMesh[]): Promise<CapabilityCell[]> {
  const { scenarios } = await catalogue();
  const loaded = await loadScenarios([...scenarios.values()].sort());
  const tried = loaded.map((scenario) => triedOf(scenario));
  return capabilities.flatMap((row) => meshes.map((mesh) => capabilityCell(row, mesh, tried)));
}
