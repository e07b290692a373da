import type { Plan, PlanTarget, Segment } from '../../fixtures/k6/plan.ts';
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

/** Requests that the load pod with this index should send at least: it has every n-th arrival, from that of its index on. */
export function expectedRequests(spec: LoadSpec, index = 0): number {
  return Math.max(0, (spec.rps * spec.durationMs) / 1000 - index) / podsOf(spec);
}

/**
 * The part of the load that the pod with this index has. k6 gives the arrivals of a rate to equal segments in turn, each at the
 * moment and with the number that it has in the undivided load (execution_segment.go, GetStripedOffsets).
 */
function segmentOf(index: number, pods: number): Segment | undefined {
  if (pods === 1) return undefined;
  const at = (part: number): string => (part === 0 ? '0' : part === pods ? '1' : `${part}/${pods}`);
  return {
    executionSegment: `${at(index)}:${at(index + 1)}`,
    executionSegmentSequence: Array.from({ length: pods + 1 }, (_, part) => at(part)).join(','),
  };
}

function ratePer1000s({ rps }: LoadSpec): number {
  return Math.max(1, Math.round(rps * 1000));
}

/** When an arrival is due, from the beginning of the load: one every `1 / rate` (k6's constant_arrival_rate.go). */
export function dueAfterMs(spec: LoadSpec, iteration: number): number {
  return (iteration * 1_000_000) / ratePer1000s(spec);
}

/** What the k6 process of the load pod with this index does. */
export function planFor(spec: LoadSpec, pod: { index: number; idPrefix: string }): Plan {
  const pods = podsOf(spec);
  return {
    idPrefix: pod.idPrefix,
    segment: segmentOf(pod.index, pods),
    targets: spec.targets.map((target) => planTarget(target, spec.plantedToken)),
    ratePer1000s: ratePer1000s(spec),
    durationMs: spec.durationMs,
    // A number that the pods can share equally: k6 divides the arrivals by the same parts.
    vus: Math.ceil(spec.maxVUs / pods) * pods,
    requestTimeoutMs: spec.requestTimeoutMs,
    noConnectionReuse: spec.noConnectionReuse ?? false,
    ownScript: spec.script !== undefined,
    minIterations: Math.floor(expectedRequests(spec, pod.index) * minShareOfRequests),
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
