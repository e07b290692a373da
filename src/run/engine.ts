import type { RunningApp } from '../apps/app.ts';
import type { RunContext } from '../claims/context.ts';
import type { FaultContext } from '../faults/define-fault.ts';
import { residue } from '../faults/injectors/point/residue.ts';
import type { PodRef } from '../kube/types.ts';
import { LoadPods } from '../load/load-pods.ts';
import { prepareLoad, type LoadContext } from '../load/prepare-load.ts';
import type { RollbackHandle } from '../base/rollback-registrar.ts';
import { startFault } from '../faults/index.ts';
import { startPressure } from '../observe/pressure/start-pressure.ts';
import { appLook } from './app-looks.ts';
import { captureEdges } from './capture-edges.ts';
import type { Events } from './events.ts';
import { proxySnapshots } from './proxies.ts';

/** What an arm does things with; unit tests put a fake lab here. */
export interface Means {
  prepareLoad: typeof prepareLoad;
  captureEdges: typeof captureEdges;
  proxySnapshots: typeof proxySnapshots;
  startFault: typeof startFault;
  startPressure: typeof startPressure;
  appLook: typeof appLook;
}

const realMeans: Means = { prepareLoad, captureEdges, proxySnapshots, startFault, startPressure, appLook };

/** What arms of one run share: the surroundings, the means, and what was touched. */
export class Engine {
  readonly context: RunContext;
  readonly events: Events;
  readonly means: Means;
  readonly #loadPods: LoadPods;
  readonly #touched = new Map<string, PodRef>();
  readonly #replacements = new Map<string, Promise<RollbackHandle>>();

  constructor(context: RunContext, events: Events, means: Means = realMeans) {
    this.context = context;
    this.events = events;
    this.means = means;
    this.#loadPods = new LoadPods(context.rollback);
  }

  loadContext(app: RunningApp): LoadContext {
    const { lab, progress, signal } = this.context;
    return {
      kube: lab.kube,
      images: lab.images,
      pods: this.#loadPods,
      inject: (objects) => (app.meshed ? lab.mesh.inject(objects, { namespace: app.namespace }) : objects),
      progress,
      signal,
      workDir: lab.scratch,
    };
  }

  /** For a fault at a service: its pods are remembered, to be looked at for residue and, in a lab that stays, replaced. */
  async faultContext(app: RunningApp, service: string, deadManMs: number): Promise<FaultContext> {
    const { lab, progress, signal, rollback } = this.context;
    const pods = await app.pods(service);
    const [first] = pods;
    if (first === undefined) throw new TypeError(`${service} has no ready pod to inject a fault into`);
    for (const pod of pods) this.#touched.set(pod.uid, pod);
    await this.#replaceAtTheEnd(app, service);
    return {
      kube: lab.kube,
      images: lab.images,
      pods,
      appPort: app.app.services.find(({ name }) => name === service)?.containerPort ?? 0,
      appPath: lab.mesh.appPath(first),
      rollback,
      progress,
      signal,
      deadManMs,
    };
  }

  /** Ephemeral containers cannot be taken out of a pod's spec. A lab that is about to be deleted takes them along. */
  async #replaceAtTheEnd(app: RunningApp, service: string): Promise<void> {
    const { lab, rollback } = this.context;
    if (lab.owned) return;
    const key = `${app.namespace}/${service}`;
    const handle =
      this.#replacements.get(key) ??
      rollback.record({
        what: `pods of ${key} whose spec names fault points`,
        injector: 'replace-pods',
        args: { service },
      });
    this.#replacements.set(key, handle);
    await handle;
  }

  /** Replaces the pods of every touched service, side by side. */
  async replaceTouched(): Promise<void> {
    const handles = await Promise.all(this.#replacements.values());
    await Promise.allSettled(handles.map((handle) => handle.run()));
  }

  /** What faults left in the pods they touched; empty when all is as before. */
  async residue(): Promise<string[]> {
    const left = await residue({ kube: this.context.lab.kube, pods: [...this.#touched.values()] });
    return left.map(({ namespace, pod, what }) => `${namespace}/${pod}: ${what}`).sort();
  }
}
