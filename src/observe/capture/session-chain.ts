import type { HandshakeFacts } from './handshake-facts.ts';

/**
 * Which resumed sessions began in this very capture. A resumed handshake shows no certificate, but the ticket it offers travels
 * in clear. So does in TLS 1.2 the message that gave it out (RFC 5077); in TLS 1.3 it is read with the secrets of a key log. A
 * ticket that was given out at the end of a mutually authenticated handshake of the capture continues that session: whoever
 * resumes it holds its secret.
 */
export class SessionChain {
  /** Ticket -> the handshake at whose end it was given out. */
  readonly #known = new Map<string, HandshakeFacts>();
  readonly #resumed: { ticket: string | undefined; issued: string[]; counts: boolean }[] = [];

  /** A full handshake in which both sides showed a certificate. */
  authenticated(facts: HandshakeFacts): void {
    for (const ticket of facts.ticketsIssued) this.#known.set(ticket, facts);
  }

  /**
   * A resumed one; the handshake it continues may be added later, since connections count when they end.
   *
   * @param counts false: it is not judged itself, but others may continue it
   */
  resumed(facts: HandshakeFacts, counts = true): void {
    this.#resumed.push({ ticket: facts.clientHello?.ticket, issued: facts.ticketsIssued, counts });
  }

  /** `unseen`: resumed from a session whose start the capture does not show; `began`: the handshakes of the others' sessions. */
  count(): { total: number; unseen: number; began: ReadonlySet<HandshakeFacts> } {
    const known = new Map(this.#known);
    const began = new Set<HandshakeFacts>();
    let left = this.#resumed;
    for (;;) {
      const next = left.filter(({ ticket, issued, counts }) => {
        const first = ticket === undefined ? undefined : known.get(ticket);
        if (first === undefined) return true;
        if (counts) began.add(first);
        for (const renewed of issued) known.set(renewed, first);
        return false;
      });
      if (next.length === left.length) {
        const counted = (all: typeof left): number => all.filter(({ counts }) => counts).length;
        return { total: counted(this.#resumed), unseen: counted(next), began };
      }
      left = next;
    }
  }
}
