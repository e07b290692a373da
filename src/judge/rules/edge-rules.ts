import { plural } from '../../base/words.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import { counterDelta } from '../counters.ts';
import { invalid, passIf, type RulesFor } from '../rule.ts';

/** Who calls whom, and how safely: what is judged of a row of `edges.json`. */
export interface EdgeFacts {
  /** `source->destination` */
  id: string;
  source: string;
  destination: string;
  /** That the certificates of its pods name; several where they do not name the same. */
  clientIdentities: string[];
  serverIdentities: string[];
  /** Every connection had a TLS handshake; null where nobody has connected since the proxies started. */
  secured: boolean | null;
  /** What that is known from, or why it is not so. */
  message: string;
}

/** What a proxy that others call takes in: a row of `modes.json`. */
export interface InboundMode {
  service: string;
  pod: string;
  /** Plaintext too. */
  permissive: boolean;
}

export interface EdgeRules {
  /**
   * By the counters of its callers’ proxies every connection of an edge had its TLS handshake, both ends have an identity, and there
   * was traffic between the two looks: without it nothing is known of now.
   */
  'edge-secured': { edges: EvidencePath; edge: string; before: EvidencePath; after: EvidencePath };
  /** Every proxy of a service that was asked takes mutual TLS only. */
  'takes-only-tls': { modes: EvidencePath; service: string };
}

export const edgeRules: RulesFor<EdgeRules> = {
  'edge-secured': {
    expected: () => 'traffic, a TLS handshake for each connection, and an identity at both ends',
    judge: async ({ edges, edge, before, after }, evidence) => {
      const row = (await evidence.json<EdgeFacts[]>(edges)).find(({ id }) => id === edge);
      if (row === undefined) return invalid(`${edges} knows no ${edge}`);
      const { source, destination, secured, clientIdentities, serverIdentities } = row;
      const seen = `${source} -> ${destination}: ${row.message}`;
      if (secured === false) return passIf(false, seen);
      if (secured === null) return invalid(seen);
      const delta = await counterDelta({ before, after, service: source, destination }, evidence);
      if ('problem' in delta) return invalid(`${seen}; ${delta.problem}`);
      const bytes = delta.of('bytesSent') + delta.of('bytesReceived');
      if (bytes === 0) return invalid(`${seen}; no traffic between the two looks`);
      if (clientIdentities.length === 0 || serverIdentities.length === 0)
        return invalid(
          `${seen}; the proxies of ${clientIdentities.length === 0 ? source : destination} show no identity`,
        );
      return passIf(true, `${seen}; ${plural(bytes, 'byte')} between the two looks`);
    },
  },
  'takes-only-tls': {
    expected: ({ service }) => `${service} takes mutual TLS only`,
    judge: async ({ modes, service }, evidence) => {
      const own = (await evidence.json<InboundMode[]>(modes)).filter((mode) => mode.service === service);
      const open = own.filter(({ permissive }) => permissive).map(({ pod }) => pod);
      if (open.length > 0) return passIf(false, `permissive: plaintext is taken too by ${open.join(', ')}`);
      if (own.length === 0) return invalid(`no proxy of ${service} could be asked`);
      return passIf(true, `strict at ${plural(own.length, 'proxy', 'proxies')}`);
    },
  },
};
