import type { GoldenSignals } from '../../observe/telemetry/golden.ts';
import type { RunReport } from '../model.ts';
import type { WireProof } from '../../observe/capture/wire.ts';

export type Lock = 'locked' | 'open' | 'partial' | 'unseen';

export interface MapEdge {
  source: string;
  destination: string;
  lock: Lock;
  /** What the lock means here, in words. */
  wire: string;
  signals?: GoldenSignals;
  /** The row on which a call past other layers runs, between their boxes. */
  passesAt?: number;
}

export interface MapNode {
  name: string;
  layer: number;
  row: number;
}

export interface ServiceMap {
  nodes: MapNode[];
  edges: MapEdge[];
  layers: number;
  rows: number;
}

/** Sources of signals that speak of all callers together. */
const anyone = new Set(['', '*']);

/** Services and who calls whom: from the wire of the treatment arms and from the golden signals of calm phases. */
export function serviceMap(report: RunReport): ServiceMap {
  const wire = new Map<string, WireProof[]>();
  for (const scenario of report.scenarios) {
    for (const arm of scenario.arms.filter(({ name }) => name === 'treatment')) {
      for (const proof of arm.wire) push(wire, key(proof.source, proof.destination), proof);
    }
  }
  const signals = new Map<string, GoldenSignals[]>();
  for (const signal of report.signals) {
    // Control arms also have unmeshed pairs of their own, which are no part of the sample.
    if (signal.arm === 'treatment' && !anyone.has(signal.source))
      push(signals, key(signal.source, signal.destination), signal);
  }
  const edges = [...new Set([...wire.keys(), ...signals.keys()])].sort().map((edge): MapEdge => {
    const [source, destination] = edge.split('\u0000') as [string, string];
    const best = bestSignal(signals.get(edge) ?? []);
    return { source, destination, ...lockOf(wire.get(edge) ?? []), ...(best && { signals: best }) };
  });
  const placed = place(edges);
  return { edges: edges.map((edge) => ({ ...edge, ...pass(edge, placed) })), ...placed };
}

function key(source: string, destination: string): string {
  return `${source}\u0000${destination}`;
}

function push<T>(map: Map<string, T[]>, at: string, item: T): void {
  const list = map.get(at);
  if (list) list.push(item);
  else map.set(at, [item]);
}

function lockOf(proofs: readonly WireProof[]): Pick<MapEdge, 'lock' | 'wire'> {
  if (proofs.some((proof) => proof.plaintextBytes > 0 || proof.canarySeen)) return { lock: 'open', wire: 'plaintext' };
  const proven = (proof: WireProof): boolean =>
    proof.tlsBytes > 0 &&
    proof.unclassifiedBytes === 0 &&
    proof.handshakeSeen &&
    proof.clientIdentity !== undefined &&
    proof.serverIdentity !== undefined;
  if (proofs.length > 0 && proofs.every(proven)) return { lock: 'locked', wire: `mTLS ${proofs[0]?.tlsVersion ?? ''}` };
  if (proofs.length > 0) return { lock: 'partial', wire: 'not proven' };
  return { lock: 'unseen', wire: 'not captured' };
}

const reporters: GoldenSignals['reporter'][] = ['client-proxy', 'server-proxy', 'k6'];

/** The scenario about golden signals speaks first, calm phases before faults, the caller's proxy before others. */
function bestSignal(signals: readonly GoldenSignals[]): GoldenSignals | undefined {
  const rank = ({ scenario, phase, reporter }: GoldenSignals): number =>
    (scenario.includes('golden') ? 0 : 100) + (phase === 'baseline' ? 0 : 10) + reporters.indexOf(reporter);
  return [...signals].sort((a, b) => rank(a) - rank(b))[0];
}

/** Layers from left to right: a service stands right of all who call it (longest way; cycles are cut). */
function place(edges: readonly MapEdge[]): Omit<ServiceMap, 'edges'> {
  const names = [...new Set(edges.flatMap(({ source, destination }) => [source, destination]))].sort();
  const layerOf = new Map<string, number>();
  const depth = (name: string, path: readonly string[]): number => {
    const seen = layerOf.get(name);
    if (seen !== undefined) return seen;
    if (path.includes(name)) return 0;
    const callers = edges.filter(({ source, destination }) => destination === name && source !== name);
    const layer = Math.max(-1, ...callers.map(({ source }) => depth(source, [...path, name]))) + 1;
    if (path.length === 0) layerOf.set(name, layer);
    return layer;
  };
  for (const name of names) depth(name, []);
  const rowsUsed = new Map<number, number>();
  const nodes = names.map((name): MapNode => {
    const layer = layerOf.get(name) ?? 0;
    const row = rowsUsed.get(layer) ?? 0;
    rowsUsed.set(layer, row + 1);
    return { name, layer, row };
  });
  const rows = Math.max(0, ...rowsUsed.values());
  return {
    nodes: nodes.map((node) => ({ ...node, row: node.row + (rows - (rowsUsed.get(node.layer) ?? 0)) / 2 })),
    layers: Math.max(0, ...rowsUsed.keys()) + 1,
    rows,
  };
}

/** For a call past other layers: the row nearest to its end where no box stands in its way, half a row between two boxes included. */
function pass(
  { source, destination }: MapEdge,
  { nodes, rows }: Omit<ServiceMap, 'edges'>,
): Pick<MapEdge, 'passesAt'> | undefined {
  const from = nodes.find(({ name }) => name === source);
  const to = nodes.find(({ name }) => name === destination);
  if (from === undefined || to === undefined || to.layer - from.layer < 2) return undefined;
  const passed = nodes.filter(({ layer }) => layer > from.layer && layer < to.layer);
  const clear = (row: number): boolean => passed.every((node) => Math.abs(node.row - row) >= 0.5);
  const candidates = Array.from({ length: 2 * rows + 1 }, (_, index) => index / 2 - 0.5).filter(clear);
  const nearest = [to.row, ...candidates].filter(clear).sort((a, b) => Math.abs(a - to.row) - Math.abs(b - to.row))[0];
  return { passesAt: nearest ?? to.row };
}
