import type { z } from 'zod';
import type { App, AppProtocol, AppRoute, AppService } from '../apps/app.ts';
import type { PolicyKind } from '../policies/index.ts';
import type { ArmName, ArmResult, ArmSpec } from './arm.ts';
import type { RunContext } from './context.ts';
import type { Judging } from './judging.ts';
import type { Registries } from './registries.ts';

/** What every scenario file has, whatever it claims. */
export interface ScenarioBase {
  id: string;
  title: string;
  criterion: { id: string; title: string; words?: { control: string; treatment: string } | undefined };
  experiment: string;
}

/** What a claim is tried on: a service of the app, or one of its routes. */
export interface Subject {
  service: AppService;
  route?: AppRoute | undefined;
  /** Faults and policies hit only this part of the service, so that other subjects can be tried at the same time. */
  pathPrefix?: string | undefined;
}

/** A scenario on one subject, ready to be run. Scenarios that are about the app as a whole have no subject. */
export interface Trial<Scenario extends ScenarioBase = ScenarioBase> {
  /** `<scenario>`, or `<scenario>-<service>[-<route>]` where a scenario is tried on each of several. */
  id: string;
  title: string;
  scenario: Scenario;
  subject?: Subject | undefined;
}

/** A place in a scenario file and why it cannot be so. */
export interface Impossible {
  path: readonly (string | number)[];
  message: string;
}

/** What a claim needs; what the mesh, the cluster or the app lacks makes it `skipped`, with the reason. */
export interface ClaimRequirements {
  policies?: readonly PolicyKind[] | undefined;
  /** Retries that make good what fails with this chance, each by itself. */
  retries?: { attempts: number; faultShare: number } | undefined;
  /** Protocol of its subject. */
  protocol?: AppProtocol | undefined;
  /** An unmeshed twin of the app. */
  twin?: boolean | undefined;
  /** Captures on the way between pods. */
  captures?: boolean | undefined;
}

/** The arms of a trial; one without an arm to run judges what `prepare` saw. */
export interface Arms<Seen> {
  control?: ArmSpec | undefined;
  treatment?: ArmSpec | undefined;
  /** How often both are run, by turns; default once. */
  rounds?: number | undefined;
  /** What was looked at beside the arms, as evidence paths and the like. */
  seen: Seen;
}

/** An experiment: the fields that scenario files of its claims share. */
export interface Experiment {
  readonly name: string;
  readonly title: string;
  readonly fields: (registries: Registries) => z.ZodRawShape;
}

export interface ClaimEntry<Scenario extends ScenarioBase = ScenarioBase, Seen = unknown> {
  readonly kind: string;
  readonly title: string;
  readonly experiment: Experiment;
  /** Fields of `claim` in the scenario file, `kind` among them; undefined where the experiment has one claim only. */
  readonly schema?: z.ZodObject | undefined;
  readonly requires: ClaimRequirements | ((scenario: Scenario) => ClaimRequirements);
  /** Arithmetic, before anything starts: a scenario whose control cannot fail, or whose treatment cannot hold. */
  possible?(scenario: Scenario, registries: Registries): Impossible[];
  /** What it is tried on; without this it is about the app as a whole. */
  subjects?(scenario: Scenario, app: App): Subject[];
  /** `end`: judged when everything else is over. */
  readonly when?: 'end' | undefined;
  /** Called before all experiments, for a claim of the end. */
  begin?(context: RunContext): Promise<void>;
  arms(trial: Trial<Scenario>, context: RunContext): Promise<Arms<Seen>>;
  judge(options: JudgeOptions<Scenario, Seen>): Promise<void>;
  /** Called between the arms: something to look at after the control and before the treatment. */
  readonly wire?: boolean | undefined;
}

export interface JudgeOptions<Scenario extends ScenarioBase, Seen> {
  trial: Trial<Scenario>;
  context: RunContext;
  judging: Judging;
  seen: Seen;
  arms: Partial<Record<ArmName, ArmResult>>;
  /** Every round of each arm; `arms` has the first. */
  rounds: Record<ArmName, readonly ArmResult[]>;
}

export function defineClaim<Scenario extends ScenarioBase, Seen>(
  entry: ClaimEntry<Scenario, Seen>,
): ClaimEntry<Scenario, Seen> {
  return entry;
}

/** Of a claim that always has both arms. */
export function bothArms({ arms }: { arms: Partial<Record<ArmName, ArmResult>> }): Record<ArmName, ArmResult> {
  const { control, treatment } = arms;
  if (control === undefined || treatment === undefined) throw new TypeError('an arm was not run');
  return { control, treatment };
}
