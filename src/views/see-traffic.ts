import type { App } from '../apps/app.ts';
import { systemClock } from '../base/clock.ts';
import type { AttachedLab } from '../lab/attach-lab.ts';
import { askProxies } from './ask-proxies.ts';
import { edgeRows, type EdgeRow } from './edges.ts';
import { routeRows, type RouteRow } from './routes.ts';
import { seeEdges } from './see-edges.ts';
import { seePods } from './seen-pods.ts';
import { statRows, type StatRow } from './stat.ts';
import { watchTraffic } from './watch-traffic.ts';

/** Rows of a view, and what could not be seen. */
export interface View<Row> {
  rows: Row[];
  problems: string[];
}

interface Seeing {
  signal: AbortSignal;
  /** How long traffic is watched. */
  windowMs: number;
}

/** What comes in at each service, or at each pod. @throws MeshproofError MESHPROOF_USAGE when no pod is in the mesh */
export async function seeStat(
  { kube, mesh, namespace }: AttachedLab,
  { by, signal, windowMs }: Seeing & { by: 'service' | 'pod' },
): Promise<View<StatRow>> {
  const pods = await seePods(kube, mesh, namespace);
  const { problems, ...traffic } = await watchTraffic(pods, mesh, { windowMs, signal, clock: systemClock });
  return { rows: statRows(pods, traffic, by), problems };
}

/** What callers get from services, and what their proxies do for it. @throws as seeStat */
export async function seeRoutes(
  { kube, mesh, namespace }: AttachedLab,
  { service, app, signal, windowMs }: Seeing & { service?: string | undefined; app: App | undefined },
): Promise<View<RouteRow>> {
  const pods = await seePods(kube, mesh, namespace);
  const { problems, ...traffic } = await watchTraffic(pods, mesh, { windowMs, signal, clock: systemClock });
  const told = await askProxies(pods, (pod) => mesh.proxyView(pod), signal);
  const views = told.answers.map(({ pod, value: view }) => ({
    service: traffic.after.find(({ podUid }) => podUid === pod.ref.uid)?.service || pod.service,
    view,
  }));
  const names = app?.services.flatMap(({ name: of, routes }) =>
    routes.map(({ name, pathPrefix }) => ({ service: of, name, pathPrefix })),
  );
  const rows = routeRows({ traffic, views, edges: app?.edges, names, service });
  return { rows, problems: [...new Set([...problems, ...told.problems])] };
}

/** Who calls whom, with which identities, and whether by TLS. @throws as seeStat */
export async function seeAllEdges(
  { kube, mesh, namespace }: AttachedLab,
  { app, signal }: Pick<Seeing, 'signal'> & { app: App | undefined },
): Promise<View<EdgeRow>> {
  const { problems, ...seen } = await seeEdges(await seePods(kube, mesh, namespace), mesh, signal);
  return { rows: edgeRows({ ...seen, edges: app?.edges }), problems };
}
