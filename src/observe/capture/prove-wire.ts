import { AddressPairs, addressBytes } from './address-pairs.ts';
import { PlantedTokenSet } from './planted-token-scanner.ts';
import { ConnectionTable, type TableOptions } from './connection-table.ts';
import { EdgeTotals } from './edge-totals.ts';
import type { KeyLog } from './key-log.ts';
import { ipOffset } from './link-layer.ts';
import type { OpenedHandshake } from './opened-handshake.ts';
import { readPcap, type PcapPacket, type PcapSource } from './pcap-reader.ts';
import { reassemblyBudget } from './reassembly.ts';
import { decodeIp, emptySegment } from './tcp-segment.ts';
import type { WireEdge, WireProof } from './wire.ts';

export interface WireOptions {
  /** Strings that were sent in path, header and body; looked for in every payload byte, as UTF-8. */
  plantedTokens: readonly string[];
  /** As tcpdump reported them at its end. */
  kernelDrops: number;
  /** What was read of TLS 1.3 handshakes while their secrets were known. */
  opened?: readonly OpenedHandshake[] | undefined;
}

/** One pair of addresses, and the edges it belongs to. */
interface Pair {
  table: ConnectionTable;
  edges: { totals: EdgeTotals; sourceIsFirst: boolean; betweenNodes: boolean }[];
}

/**
 * What a capture shows of one edge.
 *
 * @throws MeshproofError MESHPROOF_CAPTURE if the file is not a capture or is damaged; a cut end is in the proof.
 */
export async function proveWire(source: PcapSource, edge: WireEdge, options: WireOptions): Promise<WireProof> {
  const [proof] = await proveWires(source, [edge], options);
  return proof!;
}

/** The same for several edges in one pass, in the order given. Memory does not grow with the capture. */
export async function proveWires(
  source: PcapSource,
  edges: readonly WireEdge[],
  options: WireOptions,
): Promise<WireProof[]> {
  const plantedTokens = new PlantedTokenSet(options.plantedTokens);
  const totals = edges.map((edge) => new EdgeTotals(edge, options.opened));
  const { truncated } = await readEdges(source, edges, totals, { plantedTokens });
  return totals.map((total) => total.proof(options.kernelDrops, truncated));
}

/**
 * What the encrypted part of an edge's TLS 1.3 handshakes says, with the secrets of a key log: for `WireOptions.opened`, once the
 * secrets are deleted. Handshakes that these do not open, or not to the end, are left out.
 *
 * @throws as proveWire
 */
export async function openHandshakes(source: PcapSource, edge: WireEdge, keys: KeyLog): Promise<OpenedHandshake[]> {
  const totals = new EdgeTotals(edge);
  await readEdges(source, [edge], [totals], { plantedTokens: new PlantedTokenSet([]), keys });
  return totals.opened;
}

async function readEdges(
  source: PcapSource,
  edges: readonly WireEdge[],
  totals: EdgeTotals[],
  options: TableOptions,
): Promise<{ truncated: boolean }> {
  const { plantedTokens } = options;
  const { pairs, all } = pairsOf(edges, totals, options);
  const segment = emptySegment();
  const onPacket = (packet: PcapPacket): void => {
    const { buffer, start, end } = packet;
    const at = ipOffset(packet.linkType, buffer, start, end);
    if (at < 0) return;
    const decoded = decodeIp(buffer, at, end, start + packet.wireLength, segment);
    if (decoded === 'other') return;
    const found = pairs.get(segment, buffer);
    if (found === undefined) return;
    for (const edge of found.value.edges) {
      edge.totals.packets++;
      if (segment.missing > 0) edge.totals.truncatedPackets++;
    }
    if (decoded === 'tcp') {
      found.value.table.segment(segment, found.fromFirst, buffer, packet.seconds * 1000 + packet.nanoseconds / 1e6);
      return;
    }
    const payload = buffer.subarray(segment.payloadStart, segment.payloadEnd);
    for (const edge of found.value.edges) {
      edge.totals.addUnclassified(payload.length + segment.missing);
      for (const text of plantedTokens.texts) if (payload.includes(text)) edge.totals.addPlantedToken(text);
    }
  };
  const summary = await readPcap(source, { onPacket });
  for (const pair of all) pair.table.finish();
  return summary;
}

function pairsOf(
  edges: readonly WireEdge[],
  totals: EdgeTotals[],
  options: TableOptions,
): { pairs: AddressPairs<Pair>; all: Pair[] } {
  const budget = reassemblyBudget();
  const pairs = new AddressPairs<Pair>();
  const byName = new Map<string, Pair>();
  edges.forEach((edge, index) => {
    for (const source of new Set(edge.sourceIps)) {
      for (const destination of new Set(edge.destinationIps)) {
        const from = addressBytes(source).toString('hex');
        const to = addressBytes(destination).toString('hex');
        const sourceIsFirst = from <= to;
        const name = sourceIsFirst ? `${from}-${to}` : `${to}-${from}`;
        let pair = byName.get(name);
        if (pair === undefined) {
          pair = newPair(options, budget);
          byName.set(name, pair);
          pairs.set(sourceIsFirst ? source : destination, sourceIsFirst ? destination : source, pair);
        }
        if (!pair.edges.some((known) => known.totals === totals[index]))
          pair.edges.push({ totals: totals[index]!, sourceIsFirst, betweenNodes: areApart(edge, source, destination) });
      }
    }
  });
  return { pairs, all: [...byName.values()] };
}

/** A Service's own address is on no node. */
function areApart({ nodes = {} }: WireEdge, source: string, destination: string): boolean {
  const [from, to] = [nodes[source], nodes[destination]];
  return from !== undefined && to !== undefined && from !== to;
}

function newPair(options: TableOptions, budget: ReturnType<typeof reassemblyBudget>): Pair {
  const edges: Pair['edges'] = [];
  const table = new ConnectionTable(
    options,
    (connection) => {
      for (const { totals, sourceIsFirst, betweenNodes } of edges)
        totals.add(connection, { forward: connection.clientIsFirst === sourceIsFirst, betweenNodes });
    },
    budget,
  );
  return { table, edges };
}
