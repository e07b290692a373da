import type { ComponentChildren } from 'preact';
import { installationText } from '../installation-text.ts';
import type { RunReport } from '../model.ts';
import { StatusBadge } from './status.tsx';
import { Table } from './table.tsx';
import { bytesText, durationText } from './words.ts';

export function TimingsSection({ report }: { report: RunReport }) {
  const { timings } = report;
  if (timings.length === 0) return null;
  const longest = Math.max(1, ...timings.map(({ ms }) => ms));
  return (
    <section id="timings">
      <h2>Timings</h2>
      <ol class="timings">
        {timings.map(({ step, ms }, index) => (
          <li key={index}>
            <span class="step">{step}</span>
            <span class="bar" aria-hidden="true">
              <i style={`width:${Math.max(0.5, (ms / longest) * 100).toFixed(1)}%`} />
            </span>
            <span class="num">{durationText(ms)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function EnvironmentSection({ report }: { report: RunReport }) {
  const { host, cluster, mesh, tool, seed, command } = report;
  return (
    <section id="environment">
      <h2>Environment</h2>
      <dl class="facts">
        <Fact term="Command">
          <code>{command.join(' ')}</code>
        </Fact>
        <Fact term="meshproof">
          {tool.version} ({tool.commit}), seed {seed}
        </Fact>
        <Fact term="Host">
          {host.os}, kernel {host.kernel}, {host.cpus} CPUs, {bytesText(host.memoryBytes)}
        </Fact>
        {cluster && (
          <Fact term="Cluster">
            Kubernetes {cluster.kubernetesVersion} ({cluster.provider}),{' '}
            {cluster.nodes.map(({ name }) => name).join(', ')}
          </Fact>
        )}
        {mesh?.installation && <Fact term="Mesh">{installationText(mesh.installation)}</Fact>}
        {Object.entries(host.mechanisms).map(([name, text]) => (
          <Fact key={name} term={name}>
            {text}
          </Fact>
        ))}
        {mesh?.caveats.map((caveat) => (
          <Fact key={caveat} term="Caveat">
            {caveat}
          </Fact>
        ))}
      </dl>
      {mesh && mesh.components.length > 0 && (
        <details>
          <summary>
            {mesh.components.length} components of {mesh.name} {mesh.version}
          </summary>
          <Table
            label="Mesh components"
            columns={[{ title: 'Component' }, { title: 'Version' }, { title: 'Role' }, { title: 'State' }]}
            rows={mesh.components.map(({ name, version, role, ready }) => [
              name,
              version,
              role,
              <StatusBadge status={ready ? 'pass' : 'fail'}>{ready ? 'ready' : 'not ready'}</StatusBadge>,
            ])}
          />
        </details>
      )}
    </section>
  );
}

function Fact({ term, children }: { term: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function EvidenceSection({ report }: { report: RunReport }) {
  if (report.evidence.length === 0) return null;
  return (
    <section id="evidence">
      <h2>Evidence</h2>
      <p class="lead">
        <code>meshproof report check</code> judges every assertion again from these files.{' '}
        <code>sha256sum -c manifest.sha256</code> checks that none was changed.
      </p>
      <details>
        <summary>{report.evidence.length} files</summary>
        <Table
          label="Evidence files"
          columns={[{ title: 'File' }, { title: 'Size', numeric: true }, { title: 'SHA-256' }]}
          rows={report.evidence.map(({ path, sha256, bytes }) => [
            <a href={path.split('/').map(encodeURIComponent).join('/')}>{path}</a>,
            bytesText(bytes),
            <code title={sha256}>{sha256.slice(0, 16)}…</code>,
          ])}
        />
      </details>
    </section>
  );
}
