/**
 * meshproof as a library: the same engine as the command line, which is its first user (docs/library.md). What is exported
 * here is what suites of their own are written with; anything deeper may change.
 */

// A lab, and what is proven on it.
export { openLab, type Lab, type LabSettings } from './library/open-lab.ts';
export { openCluster, type Cluster, type ClusterSettings } from './library/open-cluster.ts';
export { runScenarios, type AskedScenarios, type RunSettings, type Settings } from './library/run.ts';
export type { Proof } from './library/proof.ts';
export type { Result } from './library/result.ts';
export type { ScenarioInput } from './scenario/load.ts';
export type { AskedClaim } from './claims/index.ts';
export type { AskableFault } from './faults/index.ts';
export type { AskablePolicy } from './policies/index.ts';

// What a mesh can be asked for, and what it costs.
export { capabilities } from './library/capabilities.ts';
export { measureOverhead, type Overhead, type OverheadSettings } from './library/overhead.ts';
export type { CapabilityCell } from './capabilities/cell.ts';

// A namespace of your own, as it is.
export { verifyNamespace, verifyRbac, type VerifySettings } from './library/verify.ts';

// What there is to name, and apps.
export { list, listKinds, type ListKind, type Row } from './library/list.ts';
export { loadApp } from './apps/load-app.ts';
export type { App } from './apps/app.ts';

// What was seen: a report judged again from its evidence, and what a capture shows of an edge.
export { checkReport, type ReportCheck } from './judge/verdict/check-report.ts';
export { proveWire } from './observe/capture/prove-wire.ts';
export { judgeWire } from './observe/capture/judge-wire.ts';
export type { Assertion, Status } from './judge/assertion.ts';
export type { RunReport, Verdict, VerdictStatus } from './report/model.ts';

// What a lab tells while one waits, and what goes wrong.
export { silentProgress, type Progress } from './base/progress.ts';
export { MeshproofError, type ErrorCode } from './base/errors.ts';
