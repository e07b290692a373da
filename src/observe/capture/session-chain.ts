import type { HandshakeFacts } from './handshake-facts.ts';

/**
 * Which resumed TLS 1.2 sessions began in this very capture. A resumed handshake shows no certificate, but the ticket it
 * offers travels in clear, and so does the message that gave it out (RFC 5077). A ticket that was given out at the end of a
 * mutually authenticated handshake of the capture continues that session: whoever resumes it holds its master secret.
 */
export class SessionChain {
  readonly #known = new Set<string>();
  readonly #resumed: { ticket: string | undefined; issued: string[] }[] = [];

  /** A full handshake in which both sides showed a certificate. */
  authenticated(facts: HandshakeFacts): void {
    for (const ticket of facts.ticketsIssued) this.#known.add(ticket);
  }

  /** A resumed one; the handshake it continues may be added later, since connections count when they end. */
  resumed(facts: HandshakeFacts): void {
    this.#resumed.push({ ticket: facts.clientHello?.ticket, issued: facts.ticketsIssued });
  }

  /** `unseen`: resumed from a session whose start the capture does not show. */
  count(): { total: number; unseen: number } {
    const known = new Set(this.#known);
    let left = this.#resumed;
    for (;;) {
      const next = left.filter(({ ticket, issued }) => {
        const continues = ticket !== undefined && known.has(ticket);
        if (continues) for (const renewed of issued) known.add(renewed);
        return !continues;
      });
      if (next.length === left.length) return { total: this.#resumed.length, unseen: next.length };
      left = next;
    }
  }
}
