import type { RunReport } from '../model.ts';
import { shortIdentity } from '../../base/words.ts';
import { LockMark } from './service-map.tsx';
import { Table } from './table.tsx';
import { bytesText, countText, nothing } from './words.ts';

export function WireSection({ report }: { report: RunReport }) {
  const rows = report.scenarios.flatMap((scenario) =>
    scenario.arms.flatMap((arm) =>
      arm.wire.map((proof) => {
        const open = proof.plaintextBytes > 0 || proof.canarySeen;
        return [
          <span class="nowrap">
            <LockMark lock={open ? 'open' : proof.tlsBytes > 0 ? 'locked' : 'unseen'} />{' '}
            {open ? 'plaintext' : proof.tlsBytes > 0 ? 'TLS' : 'nothing'}
          </span>,
          <>
            <b class="nowrap">
              {proof.source} → {proof.destination}
            </b>
            <span class="note quiet">
              {arm.name}, {proof.side} side, port {proof.port}
            </span>
          </>,
          proof.tlsVersion ?? nothing,
          countText(proof.packets),
          bytesText(proof.tlsBytes),
          bytesText(proof.plaintextBytes),
          bytesText(proof.unclassifiedBytes),
          proof.canarySeen ? 'seen' : 'not seen',
          proof.handshakeSeen ? 'full' : 'not seen',
          <span class="identity">
            <Identity name={proof.clientIdentity} />
            <Identity name={proof.serverIdentity} />
          </span>,
          proof.identityFrom ?? nothing,
          countText(proof.kernelDrops),
        ];
      }),
    ),
  );
  if (rows.length === 0) return null;
  return (
    <section id="wire">
      <h2>On the wire</h2>
      <p class="lead">
        Every byte of payload captured between two pods, by what it was. Control pairs must show the planted token;
        meshed pairs must not.
      </p>
      <Table
        label="Wire proofs"
        columns={[
          { title: 'Wire' },
          { title: 'Edge' },
          { title: 'TLS' },
          { title: 'Packets', numeric: true },
          { title: 'In TLS', numeric: true },
          { title: 'Plaintext', numeric: true },
          { title: 'Unattributed', numeric: true },
          { title: 'Planted token' },
          { title: 'Handshake' },
          { title: 'Client and server identity' },
          { title: 'From' },
          { title: 'Drops', numeric: true },
        ]}
        rows={rows}
      />
    </section>
  );
}

/** The workload; the whole name on hover and in the evidence. */
function Identity({ name }: { name: string | undefined }) {
  return <span title={name}>{name === undefined ? nothing : shortIdentity(name)}</span>;
}
