import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentProgress } from '../../src/base/progress.ts';
import { pollUntil } from '../../src/base/poll.ts';
import { isHttpStatus } from '../../src/kube/kube-api-error.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { openLab } from '../../src/lab/open-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { MeshName } from '../../src/meshes/index.ts';
import type { RunReport } from '../../src/report/model.ts';
import { scenariosDir } from '../../src/scenario/load.ts';
import { idsWith, meshproof, readRunReport, type CliResult } from './cli.ts';

export const runTimeoutMs = 300_000;

export interface BrokenRun {
  cli: CliResult;
  report: RunReport;
  /** Ids of what failed. */
  red: string[];
  /** Ids of what would be red, but was slow on a machine that was busy. */
  busy: string[];
}

/** A lab that tests break, one thing after the other, and run scenarios on through the command line. */
export class BrokenLab {
  readonly name: string;
  readonly mesh: MeshName;
  readonly folder = mkdtempSync(join(tmpdir(), 'meshproof-e2e-'));
  readonly signal = new AbortController().signal;
  #lab: Lab | undefined;

  private constructor(name: string, mesh: MeshName) {
    this.name = name;
    this.mesh = mesh;
  }

  /** Up before the tests of the suite that calls it, gone after them. */
  static forSuite(name: string, mesh: MeshName): BrokenLab {
    const broken = new BrokenLab(name, mesh);
    before(async function () {
      this.timeout(400_000);
      const up = await meshproof(['up', '--lab', name, '--mesh', mesh, '--json'], { timeoutMs: 300_000 });
      expect(up.exitCode, up.all).to.equal(0);
      const { signal } = broken;
      broken.#lab = await openLab({ cluster: 'auto', mesh, lab: name, progress: silentProgress(), signal });
    });
    after(async function () {
      this.timeout(60_000);
      await broken.#lab?.close();
      const down = await meshproof(['down', name]);
      rmSync(broken.folder, { recursive: true, force: true });
      expect(down.all).to.contain('nothing is left');
    });
    return broken;
  }

  get lab(): Lab {
    if (this.#lab === undefined) throw new TypeError('the lab is not up yet');
    return this.#lab;
  }

  get namespace(): string {
    return this.lab.app.namespace;
  }

  async run(...scenarios: string[]): Promise<BrokenRun> {
    const { name, mesh, folder } = this;
    const cli = await meshproof(['run', '--lab', name, '--mesh', mesh, '--reports', folder, ...scenarios], {
      timeoutMs: runTimeoutMs,
    });
    const report = readRunReport(folder);
    expect(cli.lastLine, cli.all).to.contain(report.verdict.summary);
    const busy = report.scenarios
      .flatMap(({ assertions }) => assertions)
      .filter(({ status, observed }) => status === 'invalid' && observed.includes('; the machine was busy: '));
    return { cli, report, red: idsWith(report, 'fail'), busy: busy.map(({ id }) => id) };
  }

  /** Path of a scenario file of meshproof's own, on one service and with a change: one is enough to see it go red. */
  scenarioWith(id: string, change: (text: string) => string = (text) => text): string {
    const text = readFileSync(join(scenariosDir, `${id}.yaml`), 'utf8').replace('each: http', 'service: trips');
    const file = join(this.folder, `${id}.yaml`);
    writeFileSync(file, change(text));
    return file;
  }

  /** Manifests of a workload as the lab made them, to be changed and applied again. */
  async manifestsOf(service: string): Promise<KubeObject[]> {
    const { lab, namespace } = this;
    const objects = (await lab.app.app.manifests?.({ namespace, images: lab.images, replicas: 2 })) ?? [];
    return objects.filter(
      ({ kind, metadata }) => metadata.name === service && ['Service', 'Deployment'].includes(kind),
    );
  }

  /** The pod template of a workload, to make another pod like its own. */
  async podLike(service: string, name: string): Promise<KubeObject> {
    const [deployment] = (await this.manifestsOf(service)).filter(({ kind }) => kind === 'Deployment');
    const { metadata, spec } = deployment!.spec.template;
    return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace: this.namespace }, spec };
  }

  /** Replaced, not merged: a container that injection added must be able to go. */
  async apply(objects: KubeObject[], { inject = true, answers = true } = {}): Promise<void> {
    const { lab, namespace, signal } = this;
    for (const deployment of objects.filter(({ kind }) => kind === 'Deployment')) await this.remove(deployment);
    await lab.kube.apply(inject ? lab.mesh.inject(objects, { namespace }) : objects);
    if (answers) await lab.app.answering({ timeoutMs: 120_000, signal });
  }

  /** Gone when it resolves, with what it owns. */
  async remove(object: KubeObject): Promise<void> {
    const { kube } = this.lab;
    const path = await kube.pathOf(object);
    await kube.delete(path, { propagation: 'Foreground' });
    await pollUntil(
      () =>
        kube.get(path).then(
          () => ({ pending: 'still there' }),
          (error: unknown) => (isHttpStatus(error, 404) ? { ready: true } : { pending: String(error) }),
        ),
      { what: `deleting ${path}`, timeoutMs: 60_000 },
    );
  }
}
