import { render } from 'preact-render-to-string';
import type { RunReport } from '../model.ts';
import { Assertions } from './assertions.tsx';
import { CapabilitiesSection } from './capabilities.tsx';
import { EnvironmentSection, EvidenceSection, TimingsSection } from './environment.tsx';
import { HealthSection } from './health.tsx';
import { CriteriaSection, ErrorsSection, VerdictBanner } from './overview.tsx';
import { ScenarioSection } from './scenario.tsx';
import { ServiceMapSection } from './service-map.tsx';
import { SignalsSection } from './signals.tsx';
import { css } from './style.ts';
import { WireSection } from './wire.tsx';

/** Nothing is loaded, nothing runs: the file can be mailed, archived and opened anywhere. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** report.html: one self-contained file without a script. */
export function renderHtml(report: RunReport): string {
  return `<!doctype html>\n${typeset(render(<Page report={report} />))}\n`;
}

/** Arrows for `->`, and no line break between a figure and its unit. */
function typeset(html: string): string {
  return html.replace(/ -(?:&gt;|>) /g, ' → ').replace(/(\d) (%|ms|s|B|KiB|MiB|GiB)(?![\w-])/g, '$1\u00a0$2');
}

function Page({ report }: { report: RunReport }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>{`${report.verdict.status} – meshproof ${report.runId}`}</title>
        <link rel="icon" href="data:," />
        <style dangerouslySetInnerHTML={{ __html: css }} />
      </head>
      <body>
        <main>
          <VerdictBanner report={report} />
          <ErrorsSection report={report} />
          <CriteriaSection report={report} />
          <ServiceMapSection report={report} />
          <ScenariosSection report={report} />
          <WireSection report={report} />
          <SignalsSection report={report} />
          <HealthSection report={report} />
          <CapabilitiesSection report={report} />
          <RunSection report={report} />
          <TimingsSection report={report} />
          <EnvironmentSection report={report} />
          <EvidenceSection report={report} />
        </main>
      </body>
    </html>
  );
}

function ScenariosSection({ report }: { report: RunReport }) {
  if (report.scenarios.length === 0) return null;
  return (
    <section id="scenarios">
      <h2>Scenarios</h2>
      {report.scenarios.map((scenario) => (
        <ScenarioSection key={scenario.id} scenario={scenario} />
      ))}
    </section>
  );
}

function RunSection({ report }: { report: RunReport }) {
  if (report.assertions.length === 0) return null;
  return (
    <section id="run">
      <h2>The run itself</h2>
      <p class="lead">What must hold around every scenario: sidecars there, faults gone, nothing left behind.</p>
      <Assertions assertions={report.assertions} label="Assertions of the run" />
    </section>
  );
}
