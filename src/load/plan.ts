import type { Plan, PlanTarget } from '../../fixtures/k6/plan.ts';
import { MeshproofError } from '../base/errors.ts';
import type { LoadSpec, LoadTarget } from './load.ts';

/** Fewer requests than this share of what was asked for are not the load that was asked for. */
export const minShareOfRequests = 0.98;

/** @throws MeshproofError MESHPROOF_SCENARIO_INVALID */
export function validateLoad(spec: LoadSpec): void {
  const badUrl = spec.targets.map((target) => target.url).find((url) => !URL.canParse(url));
  const wrong =
    spec.targets.length === 0
      ? 'it has no targets'
      : badUrl !== undefined
        ? `${JSON.stringify(badUrl)} is not a URL`
        : !(spec.rps > 0)
          ? `rps ${spec.rps} is not above 0`
          : !(spec.durationMs >= 1000)
            ? `durationMs ${spec.durationMs} is below a second`
            : !(spec.requestTimeoutMs >= 1)
              ? `requestTimeoutMs ${spec.requestTimeoutMs} is not above 0`
              : !Number.isInteger(podsOf(spec)) || podsOf(spec) < 1
                ? `pods ${spec.pods} is not a positive whole number`
                : !Number.isInteger(spec.maxVUs) || spec.maxVUs < podsOf(spec)
                  ? `maxVUs ${spec.maxVUs} is fewer than one per load pod`
                  : undefined;
  if (wrong === undefined) return;
  throw new MeshproofError(
    'MESHPROOF_SCENARIO_INVALID',
    `load of ${spec.client}: ${wrong}`,
    'See the load part of the scenario.',
  );
}

export function podsOf(spec: LoadSpec): number {
  return spec.pods ?? 1;
}

/** Requests that one of the load pods should send. */
export function expectedRequests(spec: LoadSpec): number {
  return (spec.rps * spec.durationMs) / 1000 / podsOf(spec);
}

/** What the k6 process of the load pod with this index does. */
export function planFor(spec: LoadSpec, pod: { index: number; idPrefix: string }): Plan {
  const pods = podsOf(spec);
  return {
    idPrefix: pod.idPrefix,
    targets: spec.targets.map((target) => planTarget(target, spec.plantedToken)),
    ratePer1000s: Math.max(1, Math.round((spec.rps * 1000) / pods)),
    durationMs: spec.durationMs,
    startDelayMs: Math.round((pod.index * 1000) / spec.rps),
    vus: Math.ceil(spec.maxVUs / pods),
    requestTimeoutMs: spec.requestTimeoutMs,
    noConnectionReuse: spec.noConnectionReuse ?? false,
    ownScript: spec.script !== undefined,
    minIterations: Math.floor(expectedRequests(spec) * minShareOfRequests),
  };
}

function planTarget(target: LoadTarget, plantedToken: string | undefined): PlanTarget {
  const fill = (text: string): string => (plantedToken === undefined ? text : text.replaceAll('{token}', plantedToken));
  const url = new URL(fill(target.url));
  if (plantedToken !== undefined && !target.url.includes('{token}'))
    url.searchParams.set('planted-token', plantedToken);
  return {
    name: target.name,
    method: target.method ?? 'GET',
    url: url.href,
    headers: {
      ...target.headers,
      ...(plantedToken === undefined ? {} : { 'x-meshproof-planted-token': plantedToken }),
    },
    body: target.body === undefined ? null : fill(target.body),
    expectStatus: target.expectStatus ?? 200,
    expectBody: target.expectBody ?? null,
    expectPattern: target.expectPattern ?? null,
    ...(target.expectJson !== undefined && { expectJson: target.expectJson }),
  };
}
