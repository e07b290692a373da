import type { HandshakeFacts } from './handshake-facts.ts';

/**
 * Which resumed TLS 1.2 sessions began in this very capture. A resumed handshake shows no certificate, but the ticket it
 * offers travels in clear, and so does the message that gave it out (RFC 5077). A ticket that was given out at the end of a
 * mutually authenticated handshake of the capture continues that session: whoever resumes it holds its master secret.
 */
export class SessionChain {
  /** Ticket -> the handshake at whose end it was given out. */
  readonly #known = new Map<string, HandshakeFacts>();
  readonly #resumed: { ticket: string | undefined; issued: string[] }[] = [];

  /** A full handshake in which both sides showed a certificate. */
  authenticated(facts: HandshakeFacts): void {
    for (const ticket of facts.ticketsIssued) this.#known.set(ticket, facts);
  }

  /** A resumed one; the handshake it continues may be added later, since connections count when they end. */
  resumed(facts: HandshakeFacts): void {
    this.#resumed.push({ ticket: facts.clientHello?.ticket, issued: facts.ticketsIssued });
  }

  /** `unseen`: resumed from a session whose start the capture does not show; `began`: the handshakes of the others' sessions. */
  count(): { total: number; unseen: number; began: ReadonlySet<HandshakeFacts> } {
    const known = new Map(this.#known);
    const began = new Set<HandshakeFacts>();
    let left = this.#resumed;
    for (;;) {
      const next = left.filter(({ ticket, issued }) => {
        const first = ticket === undefined ? undefined : known.get(ticket);
        if (first === undefined) return true;
        began.add(first);
        for (const renewed of issued) known.set(renewed, first);
        return false;
      });
      if (next.length === left.length) return { total: this.#resumed.length, unseen: next.length, began };
      left = next;
    }
  }
}
