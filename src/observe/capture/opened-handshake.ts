import type { HandshakeFacts } from './handshake-facts.ts';

/**
 * What the encrypted part of a TLS 1.3 handshake said, read while its secrets were known. They are deleted: this is what is
 * kept, and found again in the capture by the random.
 */
export interface OpenedHandshake {
  /** Of the ClientHello, in hexadecimal. */
  random: string;
  certificateRequested: boolean;
  serverIdentity?: string | undefined;
  /** Left out: the client showed no certificate. */
  clientIdentity?: string | undefined;
  /** Digests of the session tickets that the server gave out. */
  ticketsIssued: readonly string[];
}

/** A TLS 1.3 handshake was read to its end on both sides. */
export function isOpened({ opened }: HandshakeFacts): boolean {
  return opened.size === 2;
}

/** Undefined for a handshake that was not read to its end on both sides. */
export function openedHandshake(facts: HandshakeFacts): OpenedHandshake | undefined {
  if (facts.clientHello === undefined || !isOpened(facts)) return undefined;
  const { certificateRequested, serverIdentity, clientIdentity, ticketsIssued } = facts;
  return { random: facts.clientHello.random, certificateRequested, serverIdentity, clientIdentity, ticketsIssued };
}

/** Facts of a capture read without secrets, with what was read with them. */
export function withOpened(facts: HandshakeFacts, opened: OpenedHandshake): void {
  facts.certificateRequested = opened.certificateRequested;
  if (opened.serverIdentity !== undefined) facts.serverIdentity = opened.serverIdentity;
  if (opened.clientIdentity !== undefined) facts.clientIdentity = opened.clientIdentity;
  facts.ticketsIssued = [...opened.ticketsIssued];
  facts.opened = new Set(['client', 'server']);
}
