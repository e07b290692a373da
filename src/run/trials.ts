import type { App } from '../apps/app.ts';
import { MeshproofError } from '../base/errors.ts';
import { percent } from '../base/words.ts';
import type { ClaimEntry, ClaimRequirements, Subject, Trial } from '../claims/define-claim.ts';
import { budgetCovers } from '../judge/retries.ts';
import type { Lab } from '../lab/lab.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { builtInParts, claimOf, type Scenario, type ScenarioParts } from '../scenario/schema.ts';

/** A trial and the claim that it is of. */
export interface PlannedTrial {
  trial: Trial;
  claim: ClaimEntry;
}

/**
 * What the scenarios come down to on an app: one trial each, or one per service (and named route) where a scenario is tried
 * on each.
 *
 * @throws MeshproofError MESHPROOF_SCENARIO_INVALID for a service that the app does not have
 */
export function planTrials(
  scenarios: readonly Scenario[],
  app: App,
  parts: ScenarioParts = builtInParts,
): PlannedTrial[] {
  return scenarios.flatMap((scenario) => {
    const claim = claimOf(scenario, parts);
    if (claim.subjects === undefined) return [{ claim, trial: { id: scenario.id, title: scenario.title, scenario } }];
    const subjects = claim.subjects(scenario, app);
    if (subjects.length === 0) throw noSubject(scenario, app);
    const [only] = subjects;
    if (subjects.length === 1 && only !== undefined && only.pathPrefix === undefined)
      return [{ claim, trial: { id: scenario.id, title: scenario.title, scenario, subject: only } }];
    return subjects.map((subject) => ({
      claim,
      trial: { id: idOf(scenario, subject), title: `${scenario.title} (${nameOf(subject)})`, scenario, subject },
    }));
  });
}

function idOf({ id }: Scenario, { service, route }: Subject): string {
  return [id, service.name, ...(route === undefined ? [] : [route.name])].join('-');
}

function nameOf({ service, route }: Subject): string {
  return route === undefined ? service.name : `${service.name}, ${route.name}`;
}

function noSubject(scenario: Scenario, app: App): MeshproofError {
  const { load } = scenario as unknown as { load?: { service?: string } };
  const names = app.services.map(({ name }) => name);
  const suggestion = load?.service === undefined ? undefined : didYouMean(load.service, names);
  return new MeshproofError(
    'MESHPROOF_SCENARIO_INVALID',
    load?.service === undefined
      ? `${scenario.id}: the app ${app.id} has no service that it could be tried on`
      : `${scenario.id}: load.service: the app ${app.id} has no service \`${load.service}\`${suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`}`,
    `Its services: ${names.join(', ')}.`,
  );
}

/**
 * Trials in groups whose members can run side by side: no fault or policy of one reaches what another one looks at. A trial
 * without a subject is alone.
 */
export function waves(trials: readonly PlannedTrial[], app: App): PlannedTrial[][] {
  const groups: PlannedTrial[][] = [];
  for (const planned of trials) {
    const { subject, scenario } = planned.trial;
    const group =
      subject === undefined
        ? undefined
        : groups.find((members) =>
            members.every(
              ({ trial: other }) =>
                other.scenario.id === scenario.id &&
                other.subject !== undefined &&
                !disturb(subject, other.subject, app),
            ),
          );
    if (group) group.push(planned);
    else groups.push([planned]);
  }
  return groups;
}

function disturb(a: Subject, b: Subject, app: App): boolean {
  return a.service.name === b.service.name || reaches(a, b, app) || reaches(b, a, app);
}

/** Whether calls of one service, direct or through others, meet what is done to the other one. */
function reaches(from: Subject, to: Subject, app: App): boolean {
  const seen = new Set<string>();
  const open = [from.service.name];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const { service, paths } of app.services.find((candidate) => candidate.name === name)?.calls ?? []) {
      if (service === to.service.name && (paths === undefined || paths.some((path) => hits(path, to.pathPrefix))))
        return true;
      open.push(service);
    }
  }
  return false;
}

/** Whether a fault with this prefix meets calls of a path; a path that ends in `*` stands for all that begin so. */
function hits(path: string, prefix = '/'): boolean {
  if (!path.endsWith('*')) return path.startsWith(prefix);
  const stem = path.slice(0, -1);
  return stem.startsWith(prefix) || prefix.startsWith(stem);
}

/** Why this lab cannot do what a claim needs; undefined when it can. */
export function unmet(
  requirements: ClaimRequirements,
  lab: Pick<Lab, 'cluster' | 'meshEntry' | 'app'>,
): string | undefined {
  const { twin, captures, policies = [], retries } = requirements;
  const { meshEntry } = lab;
  const lacking = policies.filter((kind) => meshEntry.policies[kind] === undefined);
  if (lacking.length > 0) return `${meshEntry.title} has no ${lacking.join(', ')}`;
  if (retries && meshEntry.retriesBoundedBy === 'budget' && !budgetCovers(retries.faultShare, retries.attempts)) {
    return `${meshEntry.title} bounds retries by a budget, and ${retries.attempts} for each request that succeeds are too few where ${percent(retries.faultShare)} of all tries fail`;
  }
  if (twin && lab.app.app.manifests === undefined)
    return `${lab.app.app.id} runs already: meshproof does not deploy it, so there is no unmeshed twin to compare with`;
  if (captures && lab.cluster.podNetwork === undefined)
    return `the ${lab.cluster.provider} cluster gives no access to pods’ networks, so nothing can be captured`;
  return undefined;
}
