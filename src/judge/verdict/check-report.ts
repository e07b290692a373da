import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { evidencePaths } from '../rule.ts';
import { directoryReader, textOf, type EvidenceReader } from '../../evidence/reader.ts';
import { recomputeAll } from '../recompute-all.ts';
import { readWire } from '../rules/wire-rules.ts';
import type { WireProof } from '../../observe/capture/wire.ts';
import { messageOf } from '../../base/errors.ts';
import { filesBelow, hashEvidence, manifestProblems } from '../../report/manifest.ts';
import type { RunReport } from '../../report/model.ts';
import { readReport } from '../../report/read-report.ts';
import { findSecrets } from '../../evidence/redaction.ts';
import { writers } from '../../report/writers.ts';
import { asWritten } from './as-written.ts';
import { capabilityProblems } from './check-capabilities.ts';
import { signalProblems } from './check-signals.ts';
import { criteria } from './criteria.ts';
import { judgeArm } from './judge-arm.ts';
import { scenarioStatus } from './status-of.ts';
import { verdict } from './verdict.ts';

export interface ReportCheck {
  /** Empty: the report says what its evidence says. */
  problems: string[];
  assertions: number;
  evidenceFiles: number;
}

/**
 * Checks a report offline: digests, every assertion judged again from its evidence, the tables of wires and golden signals
 * made again, scenarios, criteria, verdict, capabilities, each written format rendered again, and no secret in any text.
 *
 * @throws MeshproofError MESHPROOF_REPORT_UNREADABLE when there is no report to check.
 */
export async function checkReport(dir: string): Promise<ReportCheck> {
  const report = await readReport(dir);
  const assertions = [...report.assertions, ...report.scenarios.flatMap((scenario) => scenario.assertions)];
  const evidence = directoryReader(dir);
  const problems = [
    ...(await manifestProblems(dir)),
    ...(await evidenceProblems(dir, report)),
    ...(await recomputeAll(assertions, evidence)),
    ...(await wireProblems(report, evidence)),
    ...(await signalProblems(report, evidence)),
    ...judgementProblems(report),
    ...capabilityProblems(report),
    ...(await renderingProblems(dir, report)),
    ...(await secretProblems(dir)),
  ];
  return { problems: [...new Set(problems)], assertions: assertions.length, evidenceFiles: report.evidence.length };
}

/** The report's own list of evidence, and the links of its assertions. */
async function evidenceProblems(dir: string, report: RunReport): Promise<string[]> {
  const stated = new Map(report.evidence.map((file) => [file.path, file]));
  const actual = await hashEvidence(dir);
  const problems = actual.flatMap(({ path, sha256 }) => {
    const file = stated.get(path);
    stated.delete(path);
    if (!file) return [`${path} is evidence the report does not know`];
    return file.sha256 === sha256 ? [] : [`${path} was changed: its digest is not the report's`];
  });
  for (const path of stated.keys()) problems.push(`${path} is missing`);
  const there = new Set(actual.map(({ path }) => path));
  for (const { id, evidence, recompute } of [...report.assertions, ...report.scenarios.flatMap((s) => s.assertions)]) {
    for (const path of [...evidence, ...evidencePaths(recompute?.inputs)]) {
      if (!there.has(path)) problems.push(`${id}: its evidence ${path} is missing`);
    }
  }
  return problems;
}

/** The wire table against the captures that its arm's assertions name. */
async function wireProblems(report: RunReport, evidence: EvidenceReader): Promise<string[]> {
  const problems: string[] = [];
  for (const { id, arms, assertions } of report.scenarios) {
    const proofs = await Promise.all(
      assertions.flatMap(({ recompute, arm }) => {
        const { captures, pcap } = recompute?.inputs ?? {};
        if (typeof captures !== 'string' || typeof pcap !== 'string') return [];
        return [
          readWire({ captures, pcap }, evidence).then(
            (read) => ({ ...read, arm }),
            () => undefined,
          ),
        ];
      }),
    );
    for (const { arm, stated } of arms.flatMap(({ name, wire }) => wire.map((row) => ({ arm: name, stated: row })))) {
      const edge = `${stated.source} -> ${stated.destination}, ${stated.side} side`;
      const proof = proofs.find((read) => read && 'proof' in read && read.arm === arm && sameEdge(read.proof, stated));
      if (!proof || !('proof' in proof)) problems.push(`${id}: no capture backs the wire of ${edge}`);
      else if (countedFields.some((field) => proof.proof[field] !== stated[field])) {
        problems.push(`${id}: the wire of ${edge} is not what its capture shows`);
      }
    }
  }
  return problems;
}

/** Identities may come from the proxies; what is counted comes from packets alone. */
const countedFields = [
  'packets',
  'payloadBytes',
  'tlsBytes',
  'plaintextBytes',
  'unclassifiedBytes',
  'canarySeen',
  'tlsVersion',
] as const;

function sameEdge(a: WireProof, b: WireProof): boolean {
  return a.source === b.source && a.destination === b.destination && a.side === b.side;
}

/** Scenarios from their assertions and arms, criteria from scenarios, the verdict from all. */
function judgementProblems(report: RunReport): string[] {
  const problems: string[] = [];
  for (const { id, status, criterion, assertions, arms } of report.scenarios) {
    const judged = scenarioStatus(assertions);
    // A scenario that broke off is an error, whatever it had found until then.
    if (status !== judged && !(status === 'error' && judged !== 'fail')) {
      problems.push(`scenario ${id}: stated ${status}, its assertions say ${judged}`);
    }
    for (const arm of arms) {
      const now = judgeArm(arm, assertions);
      if (isDeepStrictEqual(asWritten([arm.status, arm.problems]), asWritten([now.status, now.problems]))) continue;
      problems.push(`scenario ${id}, ${arm.name}: stated ${arm.status}, its assertions say ${now.status}`);
    }
    if (!report.criteria.some((candidate) => candidate.id === criterion)) {
      problems.push(`scenario ${id}: its criterion ${criterion} is not in the report`);
    }
  }
  const recomputed = criteria(report.scenarios, report.criteria);
  for (const [index, stated] of report.criteria.entries()) {
    const now = recomputed[index];
    if (!now || isDeepStrictEqual(asWritten(stated), asWritten(now))) continue;
    problems.push(
      stated.status === now.status
        ? `criterion ${stated.id}: its words are not what its scenarios say`
        : `criterion ${stated.id}: stated ${stated.status}, its scenarios say ${now.status}`,
    );
  }
  const now = verdict({ ...report, interrupted: report.verdict.interrupted });
  if (!isDeepStrictEqual(asWritten(report.verdict), asWritten(now))) {
    problems.push(
      `verdict: stated "${report.verdict.summary}" (${report.verdict.exitCode}), the report says "${now.summary}" (${now.exitCode})`,
    );
  }
  return problems;
}

/** The formats a person reads must say what report.json says. */
async function renderingProblems(dir: string, report: RunReport): Promise<string[]> {
  const problems: string[] = [];
  for (const { file, render } of writers) {
    const written = await readFile(join(dir, file), 'utf8').catch(() => undefined);
    if (written === undefined) {
      problems.push(`${file} is missing`);
      continue;
    }
    try {
      if ((await render(report)) !== written) problems.push(`${file} does not say what report.json says`);
    } catch (error) {
      problems.push(`${file} cannot be rendered again: ${messageOf(error)}`);
    }
  }
  return problems;
}

const textFile = /\.(json|ndjson|xml|html|md|txt|log|ya?ml|prom)(\.gz)?$/;

async function secretProblems(dir: string): Promise<string[]> {
  const problems: string[] = [];
  for (const path of (await filesBelow(dir)).filter((name) => textFile.test(name))) {
    const bytes = await readFile(join(dir, path));
    let text: string;
    try {
      text = textOf(path, bytes);
    } catch (error) {
      problems.push(`${path} cannot be unpacked: ${messageOf(error)}`);
      continue;
    }
    for (const { kind, line } of findSecrets(text)) problems.push(`${path}:${line}: holds a ${kind}`);
  }
  return problems;
}
