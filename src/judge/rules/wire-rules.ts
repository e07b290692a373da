import { judgeWire } from '../../observe/capture/judge-wire.ts';
import {
  compareIdentities,
  withHeldIdentities,
  type IdentityWitnesses,
} from '../../observe/capture/identity-witnesses.ts';
import type { OpenedHandshake } from '../../observe/capture/opened-handshake.ts';
import type { WireEdge, WireProof } from '../../observe/capture/wire.ts';
import type { WireExpectation } from '../../meshes/adapter.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import { invalid, passIf, type RulesFor } from '../rule.ts';
import { count, plural, shortIdentity } from '../../base/words.ts';

/** One capture of an arm, as the runner writes them to `captures.json` (CaptureRecord[]). */
export interface CaptureRecord {
  pcap: EvidencePath;
  edge: WireEdge;
  plantedTokens: string[];
  /** Packets the kernel dropped, from tcpdump's own count. */
  kernelDrops: number;
  /** Why the capture does not count: tcpdump died, started late … */
  problems: string[];
  /** What was read of its TLS 1.3 handshakes with the proxies' key logs, which are deleted. */
  opened?: { handshakes: OpenedHandshake[]; keyLogSha256: string } | undefined;
}

interface WireSelection {
  captures: EvidencePath;
  /** Which of them. */
  pcap: EvidencePath;
}

export interface WireRules {
  /** Every payload byte is TLS, both identities match, no planted token in clear, nothing dropped, resumed or unattributed. */
  'wire-edge': WireSelection & {
    expect: WireExpectation;
    /** Where TLS 1.3 hides the certificates: what others than the packets say of the identities. */
    witnesses?: EvidencePath | undefined;
  };
  /** For controls: the capture shows the planted token in plaintext, so it would see one. */
  'planted-token-seen': WireSelection;
}

/** Reads a capture of this arm again; rule and report share it. */
export async function readWire(
  inputs: WireSelection,
  evidence: EvidenceReader,
): Promise<{ proof: WireProof; record: CaptureRecord } | { problem: string }> {
  const records = await evidence.json<CaptureRecord[]>(inputs.captures);
  const record = records.find(({ pcap }) => pcap === inputs.pcap);
  if (!record) return { problem: `${inputs.captures} knows no ${inputs.pcap}` };
  const [proof] = await evidence.wires(inputs.pcap, [record.edge], {
    plantedTokens: record.plantedTokens,
    kernelDrops: record.kernelDrops,
    opened: record.opened?.handshakes,
  });
  if (!proof) return { problem: `nothing could be read of ${inputs.pcap}` };
  return { proof, record };
}

function betweenNodes({ connectionsBetweenNodes }: WireProof): string {
  return connectionsBetweenNodes === undefined ? '' : ` (${count(connectionsBetweenNodes)} between nodes)`;
}

/** `witnesses.json` of an arm: by edge, `<source>--<destination>`. */
export type WitnessesByEdge = Record<string, IdentityWitnesses>;

export const wireRules: RulesFor<WireRules> = {
  'wire-edge': {
    expected: ({ expect }) =>
      `mutual TLS ${expect.minTlsVersion} or newer on port ${expect.port}, no plaintext, ${shortIdentity(expect.clientIdentity)} to ${shortIdentity(expect.serverIdentity)}`,
    judge: async (inputs, evidence) => {
      const read = await readWire(inputs, evidence);
      if ('problem' in read) return invalid(read.problem);
      const { record } = read;
      const { source, destination } = read.proof;
      const witnesses =
        inputs.witnesses === undefined
          ? undefined
          : (await evidence.json<WitnessesByEdge>(inputs.witnesses))[`${source}--${destination}`];
      const proof = witnesses ? withHeldIdentities(read.proof, witnesses) : read.proof;
      const compared = witnesses && compareIdentities(proof, witnesses);
      const edge = `${proof.source} -> ${proof.destination}`;
      const { status, problems } = judgeWire(proof, { ...inputs.expect, expectTls: true });
      if (status === 'fail') return passIf(false, `${edge}: ${problems.join('; ')}`);
      const doubts = [...record.problems, ...problems, ...(compared?.contradictions ?? [])];
      if (doubts.length > 0) return invalid(`${edge}: ${doubts.join('; ')}`);
      return passIf(
        true,
        `${edge}: TLS ${proof.tlsVersion} on port ${proof.port}, ${plural(proof.connections, 'connection')}${betweenNodes(proof)}, ` +
          `${count(proof.payloadBytes)} bytes, none in plaintext, identities ${shortIdentity(proof.clientIdentity ?? '')} and ${shortIdentity(proof.serverIdentity ?? '')}` +
          (compared === undefined ? '' : ` (${compared.sources.join(', ')})`),
      );
    },
  },
  'planted-token-seen': {
    expected: () => 'the capture shows the planted token in plaintext',
    judge: async (inputs, evidence) => {
      const read = await readWire(inputs, evidence);
      if ('problem' in read) return invalid(read.problem);
      const { proof } = read;
      const edge = `${proof.source} -> ${proof.destination}`;
      const bytes = `${plural(proof.plaintextBytes, 'byte')} of plaintext`;
      if (proof.packets === 0) return invalid(`${edge}: nothing was captured`);
      return passIf(
        judgeWire(proof, { expectTls: false }).status === 'pass',
        `${edge}: the planted token is ${proof.canarySeen ? `readable in ${bytes}` : `not seen in ${bytes}`}`,
      );
    },
  },
};
