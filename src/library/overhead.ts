import type { ProxyCost } from '../judge/proxy-cost.ts';
import type { AddedLatency } from '../judge/added-latency.ts';
import { readAdded, readCosts, type AlternatedRuns, type MeteredRuns } from '../judge/rules/overhead-rules.ts';
import { directoryReader } from '../evidence/reader.ts';
import type { Status } from '../judge/assertion.ts';
import type { ScenarioInput } from '../scenario/load.ts';
import type { Result } from './result.ts';
import { runScenarios, type Settings } from './run.ts';

export interface OverheadSettings extends Settings {
  /** Called directly by k6; default: the first that answers HTTP. */
  service?: string | undefined;
  rps?: number | undefined;
  /** Of each run. */
  seconds?: number | undefined;
  /** Pairs of runs, without and with the mesh. */
  rounds?: number | undefined;
  keep?: boolean | undefined;
  command?: readonly string[] | undefined;
  interrupted?: (() => boolean) | undefined;
}

/** What a mesh costs, as far as the runs tell. */
export interface Overhead {
  /** Of p50, p95, p99; `status` is `pass` where it is a finding. */
  latency: (AddedLatency & { status: Status })[];
  proxies: ProxyCost[];
  result: Result;
}

/**
 * The same load without and with the mesh, by turns, and what the difference is: a run of one scenario, with a report.
 *
 * @throws as `runScenarios`
 */
export async function measureOverhead(settings: OverheadSettings = {}): Promise<Overhead> {
  const { service, rps, seconds, rounds, ...others } = settings;
  const result = await runScenarios({ ...others, scenarios: scenarioOf({ service, rps, seconds, rounds }) });
  return { ...(await figuresOf(result)), result };
}

function scenarioOf(load: Pick<OverheadSettings, 'service' | 'rps' | 'seconds' | 'rounds'>): ScenarioInput {
  return {
    id: 'mesh-overhead',
    title: 'What the mesh adds to a request, and what its proxies use',
    criterion: {
      id: 'overhead',
      title: 'What the mesh costs is known',
      words: { control: 'Without the mesh, compared with itself', treatment: 'By turns with it' },
    },
    experiment: 'overhead',
    load,
  };
}

/** Read from the evidence by what judged it; nothing where the runs broke off. */
async function figuresOf({ assertions, dir }: Result): Promise<Pick<Overhead, 'latency' | 'proxies'>> {
  const evidence = directoryReader(dir);
  const latency: Overhead['latency'] = [];
  let proxies: ProxyCost[] = [];
  for (const { status, recompute } of assertions) {
    if (status === 'error') continue;
    if (recompute?.rule === 'latency-added') {
      latency.push({ ...(await readAdded(recompute.inputs as unknown as AlternatedRuns, evidence)), status });
    }
    if (recompute?.rule === 'proxies-metered')
      proxies = await readCosts(recompute.inputs as unknown as MeteredRuns, evidence);
  }
  return { latency, proxies };
}
