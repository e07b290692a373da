import { statuses } from '../../judge/assertion.ts';
import type { Criterion, RunReport } from '../model.ts';
import { StatusBadge, StatusIcon, kindOf } from './status.tsx';
import { EvidenceLinks } from './table.tsx';
import { anchor, durationText, timeText } from './words.ts';

/** What happened, in one look. */
export function VerdictBanner({ report }: { report: RunReport }) {
  const { verdict, mesh, cluster, startedAt, durationMs, runId } = report;
  const summary = verdict.summary.replace(/^(interrupted, )?\w+: /, '');
  return (
    <header class={`verdict ${kindOf(verdict.status)}`}>
      <p class="eyebrow">
        meshproof <span>{runId}</span>
      </p>
      <h1>
        <span class="seal">
          <StatusIcon status={verdict.status} />
        </span>
        {verdict.status[0]?.toUpperCase()}
        {verdict.status.slice(1)}
        {verdict.interrupted && <small>interrupted</small>}
      </h1>
      <p class="summary">{summary}</p>
      <p class="counts">
        {statuses
          .filter((status) => verdict.counts[status] > 0)
          .reverse()
          .map((status) => (
            <StatusBadge key={status} status={status}>{`${verdict.counts[status]} ${status}`}</StatusBadge>
          ))}
        <span class="badge plain">exit code {verdict.exitCode}</span>
      </p>
      <p class="where">
        {[
          mesh && `${mesh.name[0]?.toUpperCase()}${mesh.name.slice(1)} ${mesh.version}`,
          cluster && `Kubernetes ${cluster.kubernetesVersion}`,
          timeText(startedAt),
          durationText(durationMs),
        ]
          .filter((part) => part !== undefined)
          .map((part) => (
            <span key={part}>{part}</span>
          ))}
      </p>
    </header>
  );
}

export function CriteriaSection({ report }: { report: RunReport }) {
  if (report.criteria.length === 0) return null;
  return (
    <section id="criteria">
      <h2>Success criteria</h2>
      <p class="lead">
        {report.lookedAt === undefined
          ? 'Each claim was made twice: once where it must fail, once where it must hold. A claim whose control did not fail counts for nothing.'
          : `Namespace ${report.lookedAt.namespace} of the context ${report.lookedAt.context} was only looked at, and its own traffic watched for ${report.lookedAt.windowSeconds} s: nothing was injected, so no claim has a control.`}
      </p>
      <div class="cards">
        {report.criteria.map((criterion) => (
          <CriterionCard key={criterion.id} criterion={criterion} report={report} />
        ))}
      </div>
    </section>
  );
}

function CriterionCard({ criterion, report }: { criterion: Criterion; report: RunReport }) {
  const { title, status, why, control, treatment, scenarios } = criterion;
  const own = report.scenarios.filter(({ id }) => scenarios.includes(id));
  const paths = [...new Set(own.flatMap(({ assertions }) => assertions.flatMap(({ evidence }) => evidence)))];
  const rest = [control, treatment].reduce<string>((text, half) => (half ? text.replace(half, '') : text), why).trim();
  return (
    <div class={`card ${status}`}>
      <StatusBadge status={status} />
      <h3>{title}</h3>
      {control && (
        <p class="half">
          <b>Control</b>
          {control}
        </p>
      )}
      {treatment && (
        <p class="half">
          <b>Treatment</b>
          {treatment}
        </p>
      )}
      {rest && <p>{rest}</p>}
      <p class="more">
        {own.map(({ id }) => (
          <a key={id} href={`#${anchor(id)}`}>
            {id}
          </a>
        ))}
      </p>
      {paths.length > 0 && (
        <details>
          <summary>
            {paths.length} evidence {paths.length === 1 ? 'file' : 'files'}
          </summary>
          <EvidenceLinks paths={paths} />
        </details>
      )}
    </div>
  );
}

export function ErrorsSection({ report }: { report: RunReport }) {
  if (report.errors.length === 0) return null;
  return (
    <section id="errors">
      <h2>Errors</h2>
      <ul class="errors">
        {report.errors.map(({ code, message, hint, scenario }, index) => (
          <li key={index}>
            <StatusBadge status="error">{code}</StatusBadge>
            {scenario && <code>{scenario}</code>}
            <p>{message}</p>
            {hint && <p class="hint">{hint}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
