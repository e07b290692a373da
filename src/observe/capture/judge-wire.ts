import type { WireExpectation } from '../../meshes/adapter.ts';
import type { WireProof } from './wire.ts';

/** `expectTls: false` is the control: the capture must show the planted token in plaintext, else it proves nothing. */
export type WireJudgeExpectation =
  ({ expectTls: true } & WireExpectation) | ({ expectTls: false } & Partial<WireExpectation>);

export interface WireVerdict {
  status: 'pass' | 'fail' | 'invalid';
  /** Failures first, then what prevents a conclusion; empty for a pass. */
  problems: string[];
}

/** Judges one edge at one side. A proven failure is never masked by a reason to doubt: fail beats invalid. */
export function judgeWire(proof: WireProof, expectation: WireJudgeExpectation): WireVerdict {
  const failures = expectation.expectTls ? wireFailures(proof, expectation) : [];
  const doubts = expectation.expectTls ? wireDoubts(proof, expectation) : controlDoubts(proof);
  const status = failures.length > 0 ? 'fail' : doubts.length > 0 ? 'invalid' : 'pass';
  return { status, problems: [...failures, ...doubts] };
}

/** All problems of an edge that should be mutual TLS, failures first. */
export function wireProblems(proof: WireProof, expectation: WireExpectation): string[] {
  return judgeWire(proof, { ...expectation, expectTls: true }).problems;
}

/** Things seen that must not be. */
function wireFailures(proof: WireProof, expected: WireExpectation): string[] {
  const problems: string[] = [];
  if (proof.plaintextBytes > 0) {
    const names = proof.plaintextProtocols?.join(', ') ?? '';
    problems.push(`plaintext seen: ${proof.plaintextBytes} of ${proof.payloadBytes} bytes${names && ` (${names})`}`);
  }
  if (proof.canarySeen) problems.push('planted token seen: data sent by the test is readable on the wire');
  if (proof.tlsVersion !== undefined && versionRank(proof.tlsVersion) < versionRank(expected.minTlsVersion)) {
    problems.push(`TLS version too low: ${proof.tlsVersion}, expected at least ${expected.minTlsVersion}`);
  }
  const otherPorts = Object.keys(proof.ports ?? {}).filter((port) => Number(port) !== expected.port);
  if (otherPorts.length > 0) problems.push(`unexpected port: ${otherPorts.join(', ')}, expected ${expected.port}`);
  if (expected.sni !== undefined && proof.tlsVersion !== undefined && proof.sni !== expected.sni) {
    problems.push(`SNI mismatch: ${proof.sni ?? 'none'}, expected ${expected.sni}`);
  }
  if (expected.alpn !== undefined && proof.handshakeSeen && proof.alpn?.includes(expected.alpn) !== true) {
    problems.push(`ALPN mismatch: ${proof.alpn?.join(', ') || 'none'} offered, expected ${expected.alpn}`);
  }
  problems.push(...identityMismatches('client', proof.clientIdentities, proof.clientIdentity, expected.clientIdentity));
  problems.push(...identityMismatches('server', proof.serverIdentities, proof.serverIdentity, expected.serverIdentity));
  const opened = proof.identityFrom === 'key log';
  if (proof.handshakeSeen && (opened || (expected.identitiesOnWire && proof.tlsVersion !== '1.3'))) {
    if (!proof.clientCertificateRequested) problems.push('server did not ask for a client certificate');
    const without = proof.connectionsWithoutClientCertificate ?? 0;
    if (without > 0) problems.push(`client showed no certificate in ${without} of ${proof.connections} connections`);
  }
  return problems;
}

function identityMismatches(
  side: string,
  all: string[] | undefined,
  one: string | undefined,
  expected: string,
): string[] {
  const seen = new Set([...(all ?? []), ...(one === undefined ? [] : [one])]);
  seen.delete(expected);
  return [...seen].map(
    (name) =>
      `identity mismatch: ${side} is ${name === '' ? 'a certificate without a name' : name}, expected ${expected}`,
  );
}

/** Things not seen that must be, without which nothing follows. */
function wireDoubts(proof: WireProof, expected: WireExpectation): string[] {
  const problems = captureDoubts(proof);
  if (proof.kernelDrops !== 0) problems.push(`kernel dropped ${proof.kernelDrops} packets`);
  if (proof.unclassifiedBytes > 0)
    problems.push(`unclassified: ${proof.unclassifiedBytes} of ${proof.payloadBytes} bytes`);
  if ((proof.truncatedPackets ?? 0) > 0) problems.push(`${proof.truncatedPackets} packets were cut by the snap length`);
  const unseen = proof.resumedFromUnseen ?? proof.resumedConnections;
  if (unseen > 0) {
    problems.push(
      `resumed: ${unseen} of ${proof.connections} connections show no certificates, and their session began before`,
    );
  }
  const without = proof.connectionsWithoutHandshake ?? 0;
  if (without > 0) problems.push(`handshake not seen in ${without} of ${proof.connections} connections`);
  else if (!proof.handshakeSeen && unseen === 0 && proof.payloadBytes > 0) problems.push('handshake not seen');
  const closed = proof.identityFrom === 'key log' ? (proof.connectionsUnopened ?? 0) : 0;
  if (closed > 0) {
    problems.push(
      `not opened: the secrets of ${closed} of ${proof.connections} connections are in no key log, so nobody knows their certificates`,
    );
  }
  for (const side of ['client', 'server'] as const) {
    if (proof[`${side}Identity`] !== undefined || !proof.handshakeSeen) continue;
    const why = expected.identitiesOnWire
      ? proof.tlsVersion === '1.3'
        ? 'TLS 1.3 hides certificates, TLS 1.2 was expected'
        : 'no certificate in the capture'
      : 'TLS 1.3 hides certificates, and neither a key log nor the proxy tells it';
    problems.push(`${side} identity not seen: ${why}`);
  }
  return problems;
}

function controlDoubts(proof: WireProof): string[] {
  const problems = captureDoubts(proof);
  if (proof.payloadBytes > 0 && !proof.canarySeen) {
    const why = proof.plaintextBytes === 0 ? 'the unmeshed pair is encrypted' : 'though the traffic is plaintext';
    problems.push(`control did not fail: planted token not seen, ${why}`);
  } else if (proof.canarySeen && proof.plaintextBytes === 0)
    problems.push('control did not fail: planted token seen, but not in plaintext');
  return problems;
}

function captureDoubts(proof: WireProof): string[] {
  const problems: string[] = [];
  if (proof.packets === 0) problems.push('nothing captured: no packets between the two ends');
  else if (proof.payloadBytes === 0) problems.push(`nothing captured: ${proof.packets} packets without data`);
  if (proof.fileTruncated === true) problems.push('capture file is cut: tcpdump did not end properly');
  return problems;
}

/** 'SSL 3.0' and unknown names rank below 1.0. */
function versionRank(version: string): number {
  return Number.parseFloat(version) || 0;
}
