import { systemClock, type Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { App, AppService } from '../../apps/app.ts';
import { silentPods } from '../../apps/running-app.ts';
import { podTrouble } from '../../kube/pod-trouble.ts';
import { podRef } from '../../kube/pods.ts';
import { selects } from '../../kube/selector.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { MeshAdapter, SidecarProblem } from '../../meshes/adapter.ts';
import type { ProxyView } from '../../meshes/proxy-view.ts';
import { brokenConnectionLines } from './app-log.ts';
import type { StartDiagnosis, StartFinding } from './finding.ts';
import { judgeEdge, type EdgeJudgement } from './judge-edge.ts';
import { followOutput } from './nat-rules.ts';
import { natRulesReader, type RulesReader } from './read-nat-rules.ts';

/** Between the two looks that a finding takes. */
const confirmAfterMs = 2000;
/** A proxy that was started just now has had no time yet. */
const youngMs = 5000;
/** For a container that does not say as whom it runs. */
const someUser = 65532;

export interface DiagnoseStartOptions {
  kube: KubeClient;
  mesh: MeshAdapter;
  app: App;
  namespace: string;
  /** Pods that do not work; default: those that are not ready or do not answer their data call. */
  pods?: readonly { service: string; pod: string }[] | undefined;
  /** An image on the nodes with busybox and iptables; without it the nat rules of pods are not read. */
  toolImage?: string | undefined;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

/**
 * Why pods of an app do not come up, or do not answer: for each of them, which of the calls they make does not get through
 * and what in the mesh stops it. Takes a few seconds. A finding was seen twice, some seconds apart: what only needs its time
 * is none. A pod that cannot be judged is told as such, never passed over.
 */
export async function diagnoseStart(options: DiagnoseStartOptions): Promise<StartDiagnosis> {
  const { kube, app, namespace, signal, clock = systemClock } = options;
  const pods = options.pods ?? (await silentPods(kube, { app, namespace }, signal));
  const rules = natRulesReader(options);
  const first = await lookAt(pods, options, rules);
  if (first.findings.length === 0) return first;
  await clock.sleep(confirmAfterMs, signal);
  const suspects = pods.filter(({ pod }) => first.findings.some((finding) => finding.pod === pod));
  const second = await lookAt(suspects, options, rules);
  const findings = second.findings.filter(({ pod, edge, cause }) =>
    first.findings.some((one) => one.pod === pod && one.edge === edge && one.cause === cause),
  );
  const unexplained = [...first.unexplained, ...second.unexplained];
  const told = new Set([...findings, ...unexplained].map(({ pod }) => pod));
  const passed = suspects.filter(({ pod }) => !told.has(pod));
  return {
    findings,
    unexplained: [...unexplained, ...passed.map((each) => ({ ...each, reason: 'what was seen there did not last' }))],
  };
}

async function lookAt(
  pods: readonly { service: string; pod: string }[],
  options: DiagnoseStartOptions,
  rules: RulesReader,
): Promise<StartDiagnosis> {
  const scene = await lookAround(options);
  const results = await Promise.all(
    pods.map(async ({ service, pod }): Promise<StartDiagnosis> => {
      const unexplained = (reason: string): StartDiagnosis => ({
        findings: [],
        unexplained: [{ service, pod, reason }],
      });
      try {
        const found = await diagnosePod(service, pod, scene, options, rules);
        return Array.isArray(found) ? { findings: found, unexplained: [] } : unexplained(found);
      } catch (error) {
        options.signal?.throwIfAborted();
        return unexplained(`it could not be looked at: ${messageOf(error)}`);
      }
    }),
  );
  return {
    findings: results.flatMap(({ findings }) => findings),
    unexplained: results.flatMap(({ unexplained }) => unexplained),
  };
}

/** What all pods have in common: read once. */
interface Scene {
  pods: Map<string, KubeObject>;
  services: Map<string, { clusterIP: string }>;
  sidecarProblems: SidecarProblem[];
  /** Why the control plane itself does not work; undefined when it does. */
  controlPlaneDown: string | undefined;
  /** Views of the proxies of a service's pods that run. */
  viewsOf(service: AppService): Promise<ProxyView[]>;
}

async function lookAround({ kube, mesh, namespace }: DiagnoseStartOptions): Promise<Scene> {
  const [pods, services, sidecarProblems, controlPlaneDown] = await Promise.all([
    kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`),
    kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/services`),
    mesh.sidecarProblems([namespace]).catch((): SidecarProblem[] => []),
    mesh.components().then(
      (all) => {
        const down = all.find(({ role, ready }) => role === 'control-plane' && !ready);
        return down && `${down.name} is not ready`;
      },
      (error: unknown) => messageOf(error),
    ),
  ]);
  const views = new Map<string, Promise<ProxyView[]>>();
  return {
    pods: new Map(pods.map((pod) => [pod.metadata.name, pod])),
    services: new Map(services.map(({ metadata, spec }) => [metadata.name, { clusterIP: spec.clusterIP }])),
    sidecarProblems,
    controlPlaneDown,
    viewsOf(service) {
      const known = views.get(service.name);
      if (known) return known;
      const asked = pods
        .filter((pod) => matches(pod, service) && !pod.metadata.deletionTimestamp)
        .map((pod) => mesh.proxyView(podRef(pod)).catch(() => undefined));
      const all = Promise.all(asked).then((seen) => seen.filter((view) => view !== undefined));
      views.set(service.name, all);
      return all;
    },
  };
}

/** Findings, or why there is none. */
async function diagnosePod(
  serviceName: string,
  podName: string,
  scene: Scene,
  options: DiagnoseStartOptions,
  rulesOf: RulesReader,
): Promise<StartFinding[] | string> {
  const { kube, mesh, app } = options;
  const pod = scene.pods.get(podName);
  const service = app.services.find(({ name }) => name === serviceName);
  if (!pod || !service) return 'it is gone';
  const finding = (destination: string, judgement: EdgeJudgement): StartFinding => ({
    service: serviceName,
    pod: podName,
    edge: `${serviceName} -> ${destination}`,
    ...judgement,
  });
  const trouble = podTrouble(pod);
  // An image that is not there is nobody's fault but its own.
  if (trouble && /Image/.test(trouble.reason)) return trouble.reason;

  const problem = scene.sidecarProblems.find((each) => each.pod === podName);
  if (problem?.problem === 'no-sidecar') {
    const observed = `the pod has no proxy: what it sends and gets is plaintext, which others in the mesh refuse`;
    const to = service.calls.length > 0 ? service.calls.map((call) => call.service) : ['*'];
    return to.map((each) => finding(each, { cause: 'no sidecar', observed, evidence: [problem.detail] }));
  }
  const start = mesh.startTrouble(pod);
  if (start) return [finding('*', start)];
  const ref = podRef(pod);
  const view = await mesh.proxyView(ref).catch((error: unknown) => messageOf(error));
  if (scene.controlPlaneDown !== undefined && (typeof view === 'string' || !view.connected)) {
    const observed = `its proxy has nobody to tell it where others are: ${scene.controlPlaneDown}`;
    return [finding('*', { cause: 'control plane', observed, evidence: problem ? [problem.detail] : [] })];
  }
  if (typeof view === 'string') return `its proxy cannot be asked (yet): ${view}`;
  if (!view.connected && view.uptimeMs > youngMs) {
    const observed = 'its proxy has no connection to the control plane';
    return [finding('*', { cause: 'control plane', observed, evidence: [`it runs for ${view.uptimeMs} ms`] })];
  }
  const identity = await mesh.identityOf(serviceName);
  if (view.identity !== undefined && view.identity !== identity) {
    const observed = `its proxy has the identity ${view.identity}, others expect ${identity}`;
    return [finding('*', { cause: 'identity', observed, evidence: [] })];
  }
  if (!runs(pod, service.container)) return trouble?.reason ?? 'its container has not run yet';
  const rules = await rulesOf(ref);
  const logLines = await brokenConnectionLines(kube, ref, service.container);
  const judged = await Promise.all(
    service.calls.map(async ({ service: destination }) => {
      const callee = app.services.find(({ name }) => name === destination);
      const address = scene.services.get(destination)?.clusterIP;
      if (!callee || address === undefined) return undefined;
      const departure = {
        uid: userOf(pod, service.container),
        source: ref.ip,
        destination: address,
        port: callee.port,
      };
      const judgement = judgeEdge({
        source: serviceName,
        destination,
        target: { address, port: callee.port },
        fate: rules && followOutput(rules, departure),
        proxyPort: mesh.interception?.outboundPort,
        caller: view,
        callees: await scene.viewsOf(callee),
        logLines,
      });
      return judgement && finding(destination, judgement);
    }),
  );
  const findings = judged.filter((each) => each !== undefined);
  return findings.length > 0
    ? findings
    : (trouble?.reason ?? 'it is ready, and every call it makes gets through the mesh');
}

function runs(pod: KubeObject, container: string): boolean {
  const statuses: { name: string; state?: { running?: object } }[] = pod.status?.containerStatuses ?? [];
  return statuses.find(({ name }) => name === container)?.state?.running !== undefined;
}

function userOf(pod: KubeObject, container: string): number {
  const own = (pod.spec.containers as { name: string; securityContext?: { runAsUser?: number } }[]).find(
    ({ name }) => name === container,
  );
  return own?.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? someUser;
}

function matches(pod: KubeObject, { selector }: AppService): boolean {
  return selects(selector, pod.metadata.labels ?? {});
}
