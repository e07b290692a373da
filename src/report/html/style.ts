/** The page's look: one column, hairlines, one accent per status. Colors are variables, so that charts follow the theme. */
export const css = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --raised: #ffffff; --sunken: #f3f1ed;
  --ink: #1d1c1a; --ink-2: #615d57; --hair: #e3dfd8;
  --pass: #17703f; --pass-soft: #e5f2ea;
  --fail: #b3261e; --fail-soft: #fbe9e7;
  --invalid: #8a5a00; --invalid-soft: #fbf0d9;
  --error: #8a2a82; --error-soft: #f7e8f5;
  --skipped: #5d6470; --skipped-soft: #eceef1;
  --link: #1f5fa8;
  --edge: #b9b3a9; --line-a: #1f5fa8; --line-b: #b4540a; --line-grid: #e3dfd8; --fault-shade: #f3e3d3;
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --serif: ui-serif, "Iowan Old Style", Charter, "Source Serif 4", Georgia, "Times New Roman", serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161615; --raised: #1e1e1c; --sunken: #242422;
    --ink: #ecebe8; --ink-2: #a8a49c; --hair: #34332f;
    --pass: #6fcf97; --pass-soft: #17301f;
    --fail: #ff8f85; --fail-soft: #3a1b18;
    --invalid: #f0c265; --invalid-soft: #33280f;
    --error: #e79be0; --error-soft: #331a30;
    --skipped: #a9b1bd; --skipped-soft: #282b30;
    --link: #8dbbf2;
    --edge: #5c5a54; --line-a: #7fb2f0; --line-b: #f0a35e; --line-grid: #34332f; --fault-shade: #38291c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 var(--sans); }
main { max-width: 70rem; margin: 0 auto; padding: 3rem 2rem 6rem; }
h1, h2, h3, p { margin: 0; overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
code { font: 0.86em/1.4 var(--mono); overflow-wrap: anywhere; }
section { margin-top: 5rem; }
h2 { font: 500 1.75rem/1.2 var(--serif); letter-spacing: -0.01em; }
.lead { margin-top: 0.6rem; max-width: 42rem; color: var(--ink-2); }
.quiet { color: var(--ink-2); }
.note { display: block; font-size: 0.8125rem; }
.nowrap { white-space: nowrap; }
.icon { width: 1em; height: 1em; flex: none; vertical-align: -0.13em; }
.icon path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }

.badge { display: inline-flex; align-items: center; gap: 0.4em; padding: 0.14em 0.65em 0.14em 0.5em; border-radius: 99px;
  font-size: 0.8125rem; font-weight: 600; white-space: nowrap; color: var(--tone); background: var(--soft); }
.badge.plain { color: var(--ink-2); background: var(--sunken); font-weight: 500; padding-left: 0.65em; }
.pass { --tone: var(--pass); --soft: var(--pass-soft); }
.fail { --tone: var(--fail); --soft: var(--fail-soft); }
.invalid { --tone: var(--invalid); --soft: var(--invalid-soft); }
.error { --tone: var(--error); --soft: var(--error-soft); }
.skipped { --tone: var(--skipped); --soft: var(--skipped-soft); }

.verdict { padding-bottom: 2.75rem; border-bottom: 1px solid var(--hair); }
.eyebrow { font-size: 0.8125rem; font-weight: 600; letter-spacing: 0.02em; color: var(--ink-2); }
.eyebrow span { font-family: var(--mono); font-weight: 400; margin-left: 0.6em; }
.verdict h1 { display: flex; align-items: center; gap: 0.28em; flex-wrap: wrap; margin-top: 1.75rem; color: var(--tone);
  font: 500 clamp(2.75rem, 8vw, 4.5rem)/1.05 var(--serif); letter-spacing: -0.025em; }
.verdict h1 small { font: 500 1rem/1 var(--sans); letter-spacing: 0; color: var(--ink-2); }
.seal { display: grid; place-items: center; width: 0.92em; height: 0.92em; border-radius: 50%; background: var(--soft); flex: none; }
.seal .icon { width: 0.56em; height: 0.56em; }
.summary { margin-top: 1.1rem; max-width: 50rem; font: 400 clamp(1.15rem, 2.4vw, 1.4rem)/1.45 var(--serif); }
.counts { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 1.5rem; }
.where { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin-top: 1.25rem; font-size: 0.875rem; color: var(--ink-2); }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.25rem; margin-top: 2rem; }
.card { padding: 1.5rem 1.6rem 1.35rem; background: var(--raised); border: 1px solid var(--hair); border-radius: 0.75rem; min-width: 0; }
.card h3 { margin: 0.8rem 0 1rem; font: 500 1.25rem/1.3 var(--serif); }
.half { display: grid; grid-template-columns: 5.5rem 1fr; gap: 0.25rem 1rem; padding: 0.65rem 0; border-top: 1px solid var(--hair); font-size: 0.9375rem; }
.half b { font-weight: 600; font-size: 0.8125rem; line-height: 1.8; color: var(--ink-2); }
.more { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin-top: 0.5rem; font-size: 0.875rem; }
.evidence { display: flex; flex-wrap: wrap; gap: 0.15rem 0.9rem; margin-top: 0.35rem; font: 0.75rem/1.6 var(--mono); }
.evidence a { overflow-wrap: anywhere; }

details { margin-top: 1rem; }
summary { cursor: pointer; font-size: 0.875rem; font-weight: 500; color: var(--ink-2); }
summary:hover { color: var(--ink); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 2px; }

.scenario { margin-top: 2.5rem; padding-top: 2.25rem; border-top: 1px solid var(--hair); }
.scenario header .badge { margin-bottom: 0.7rem; }
.scenario h3 { font: 500 1.4rem/1.3 var(--serif); }
.scenario header p { margin-top: 0.3rem; font-size: 0.875rem; }
.scenario header .reason { font-size: 1rem; max-width: 46rem; }
.problems { margin: 1.25rem 0 0; padding: 0.9rem 1.2rem; list-style: none; background: var(--invalid-soft); border-radius: 0.5rem; font-size: 0.9375rem; }
.charts { display: grid; gap: 1.5rem 2.5rem; margin-top: 1.75rem; }
.charts.arms-2 { grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.charts.arms-1 { max-width: 34rem; }
.charts figure { margin: 0; min-width: 0; }
.charts figcaption { font-size: 0.9375rem; padding-bottom: 0.5rem; border-bottom: 1px solid var(--hair); }
.chart-title { margin: 0.9rem 0 0.15rem; font-size: 0.8125rem; color: var(--ink-2); }
.chart svg { display: block; width: 100%; height: auto; }
.swatch { width: 1.5rem; height: 0.5rem; margin-right: 0.6rem; vertical-align: 0.05em; }

.scroll { overflow-x: auto; margin-top: 1rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; line-height: 1.45; font-variant-numeric: tabular-nums; }
th { padding: 0.5rem 1rem 0.5rem 0; text-align: left; font-size: 0.8125rem; font-weight: 500; color: var(--ink-2); border-bottom: 1px solid var(--hair); vertical-align: bottom; }
td { padding: 0.7rem 1rem 0.7rem 0; border-bottom: 1px solid var(--hair); vertical-align: top; }
td b { font-weight: 600; }
.num { text-align: right; white-space: nowrap; }
.wrap { display: block; min-width: 16rem; }
.identity { font: 0.75rem/1.5 var(--mono); white-space: nowrap; }
.identity span { display: block; }
.hint { display: block; margin-top: 0.35rem; padding-left: 0.7rem; border-left: 2px solid var(--hair); color: var(--ink-2); }
.assertions { margin-top: 2rem; table-layout: fixed; }
.assertions th:nth-child(1) { width: 7rem; }
.assertions th:nth-child(2) { width: 24%; }
.assertions th:nth-child(3) { width: 27%; }
.assertions td { overflow-wrap: anywhere; }
.assertions tr.fail td, .assertions tr.invalid td, .assertions tr.error td { background: color-mix(in srgb, var(--soft) 50%, transparent); }
.assertions tr.fail td:first-child, .assertions tr.invalid td:first-child, .assertions tr.error td:first-child { padding-left: 0.6rem; }

.map { display: block; width: 100%; height: auto; margin: 0 auto; }
.map .node rect { fill: var(--raised); stroke: var(--edge); stroke-width: 1.25; }
.map .node text { fill: var(--ink); font: 600 13px var(--sans); }
.map .edge { fill: none; stroke: var(--edge); stroke-width: 1.5; }
.map .edge.locked { stroke: var(--pass); }
.map .edge.open { stroke: var(--fail); stroke-width: 2.25; stroke-dasharray: 7 5; }
.map .edge.partial { stroke: var(--invalid); stroke-dasharray: 2 4; }
.map .edge-label rect:first-of-type { fill: var(--paper); }
.map .edge-label > rect { stroke: var(--hair); }
.map .edge-label text { fill: var(--ink); font: 12px var(--sans); font-variant-numeric: tabular-nums; }
.edge-label { --lock: var(--skipped); }
.edge-label.locked { --lock: var(--pass); }
.edge-label.open { --lock: var(--fail); }
.edge-label.partial { --lock: var(--invalid); }
.lock path { stroke: var(--lock); }
.lock rect.full, circle.lock { fill: var(--lock); }
.lock rect.hollow { fill: none; stroke: var(--lock); stroke-width: 1.6; }
.map .edge-label .lock rect.full { fill: var(--lock); stroke: none; }
.map .edge-label .lock rect.hollow { fill: none; }
.legend { display: flex; flex-wrap: wrap; gap: 0.4rem 1.75rem; margin-top: 1rem; font-size: 0.8125rem; color: var(--ink-2); }

.errors { list-style: none; margin: 1.5rem 0 0; padding: 0; }
.errors li { padding: 1rem 0; border-top: 1px solid var(--hair); }
.errors code { margin-left: 0.75rem; }
.errors p { margin-top: 0.5rem; white-space: pre-wrap; }
.timings { list-style: none; margin: 1.5rem 0 0; padding: 0; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.timings li { display: grid; grid-template-columns: minmax(0, 18rem) 1fr 6rem; gap: 1rem; align-items: center; padding: 0.3rem 0; }
.timings .step { overflow-wrap: anywhere; }
.timings .bar i { display: block; height: 0.5rem; border-radius: 99px; background: var(--line-a); opacity: 0.75; }
.facts { margin: 1.5rem 0 0; font-size: 0.9375rem; }
.facts div { display: grid; grid-template-columns: 14rem 1fr; gap: 0.25rem 1.5rem; padding: 0.55rem 0; border-top: 1px solid var(--hair); }
.facts dt { color: var(--ink-2); overflow-wrap: anywhere; }
.facts dd { margin: 0; overflow-wrap: anywhere; }

@media (max-width: 44rem) {
  main { padding: 1.75rem 1.1rem 4rem; }
  section { margin-top: 3.5rem; }
  .half, .facts div { grid-template-columns: 1fr; gap: 0; }
  .card { padding: 1.2rem 1.2rem 1.1rem; }
  .timings li { grid-template-columns: 1fr auto; }
  .timings .bar { grid-row: 2; grid-column: 1 / -1; }
  .assertions, .assertions tbody, .assertions tr, .assertions td { display: block; width: 100%; }
  .assertions thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .assertions tr { padding: 1rem 0; border-bottom: 1px solid var(--hair); }
  .assertions tr.fail, .assertions tr.invalid, .assertions tr.error { padding-left: 0.8rem; border-left: 3px solid var(--tone); }
  .assertions tr.fail td, .assertions tr.invalid td, .assertions tr.error td { background: none; }
  .assertions tr td, .assertions tr[class] td:first-child { padding: 0.2rem 0; border: 0; }
  .assertions td[data-label]::before { content: attr(data-label); display: block; margin-top: 0.3rem; font-size: 0.8125rem; color: var(--ink-2); }
}
@media print {
  main { max-width: none; padding: 0; }
  .card, .scenario { break-inside: avoid; }
}
`.trim();
