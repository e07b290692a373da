/** Proves one capture file and prints what it took: a process of its own, so that its peak memory is its own. */
import { stat } from 'node:fs/promises';
import { proveWire } from '../../src/observe/capture/prove-wire.ts';
import type { WireEdge } from '../../src/observe/capture/wire.ts';
import { peakRssMiB } from './process-memory.ts';

async function main(file: string): Promise<void> {
  const edge: WireEdge = {
    source: 'client',
    destination: 'server',
    sourceIps: ['10.9.0.1'],
    destinationIps: ['10.9.0.2'],
    side: 'server',
  };
  const { size } = await stat(file);
  const start = performance.now();
  const cpu = process.cpuUsage();
  const proof = await proveWire(file, edge, {
    plantedTokens: ['planted-never-sent-1', 'planted-never-sent-2'],
    kernelDrops: 0,
  });
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  const result = {
    bytes: size,
    packets: proof.packets,
    tlsBytes: proof.tlsBytes,
    otherBytes: proof.plaintextBytes + proof.unclassifiedBytes,
    connections: proof.connections,
    seconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    maxRssMiB: peakRssMiB(),
  };
  console.log(JSON.stringify(result));
}

await main(process.argv[2] ?? '');
