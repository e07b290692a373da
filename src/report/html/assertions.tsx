import type { Assertion } from '../../judge/assertion.ts';
import { StatusBadge } from './status.tsx';
import { EvidenceLinks } from './table.tsx';

const roles = { claim: '', control: 'control', validity: 'validity' } as const;

/** What must be, what was, and where it can be looked up; one block per assertion on a narrow screen. */
export function Assertions({ assertions, label }: { assertions: readonly Assertion[]; label: string }) {
  if (assertions.length === 0) return <p class="quiet">No assertion was made.</p>;
  return (
    <table class="assertions" aria-label={label}>
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Assertion</th>
          <th scope="col">Expected</th>
          <th scope="col">Observed</th>
        </tr>
      </thead>
      <tbody>
        {assertions.map((assertion) => {
          const { id, title, status, expected, observed, hint, evidence, arm, recompute } = assertion;
          const notes = [arm, roles[recompute?.role ?? 'claim']].filter(
            (note, index, all) => note && all.indexOf(note) === index,
          );
          return (
            <tr key={id} class={status}>
              <td>
                <StatusBadge status={status} />
              </td>
              <td>
                <b>{title}</b>
                {notes.length > 0 && <span class="quiet note">{notes.join(' · ')}</span>}
              </td>
              <td data-label="Expected">{expected}</td>
              <td data-label="Observed">
                {observed}
                {hint && status !== 'pass' && <span class="hint">{hint}</span>}
                <EvidenceLinks paths={evidence} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
