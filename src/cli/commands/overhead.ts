import { Command, InvalidArgumentError, Option } from 'commander';
import { milliseconds } from '../../base/words.ts';
import { table } from '../../base/table.ts';
import { troubleLines } from '../../library/lines.ts';
import type { Overhead } from '../../library/overhead.ts';
import type { MeshName } from '../../meshes/index.ts';
import { watchInterrupts } from '../../run/interrupt.ts';
import { pc } from '../colors.ts';
import {
  appOption,
  clusterOption,
  jsonOption,
  labMeshOption,
  labOption,
  meshBinariesOption,
  meshImagesOption,
  meshReleaseOption,
  reportsOption,
  timeoutOption,
} from '../options.ts';
import { mark } from '../print.ts';
import { consoleProgress } from '../progress.ts';

interface Options {
  app: string;
  cluster: string;
  mesh?: MeshName | undefined;
  meshBinaries?: string | undefined;
  meshImages?: string | undefined;
  meshRelease?: string | undefined;
  lab?: string | undefined;
  service?: string | undefined;
  rps?: number | undefined;
  seconds?: number | undefined;
  rounds?: number | undefined;
  reports: string;
  timeout?: number | undefined;
  json?: boolean | undefined;
}

export function overheadCommand(): Command {
  return new Command('overhead')
    .description('measure what the mesh adds: latency of a request, CPU and memory of its proxies')
    .addOption(appOption())
    .addOption(clusterOption())
    .addOption(labMeshOption())
    .addOption(meshBinariesOption())
    .addOption(meshImagesOption())
    .addOption(meshReleaseOption())
    .addOption(labOption())
    .addOption(new Option('--service <service>', 'the one that is called (default: the first that answers HTTP)'))
    .addOption(new Option('--rps <rate>', 'requests a second (default: 40)').argParser(positive))
    .addOption(new Option('--seconds <seconds>', 'length of each run (default: 20)').argParser(positive))
    .addOption(
      new Option('--rounds <rounds>', 'pairs of runs, without and with the mesh (default: 4)').argParser(positive),
    )
    .addOption(reportsOption())
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof overhead                                  on a throw-away lab
  $ ./bin/meshproof overhead --lab dev --service web --rps 60 --rounds 8

Ends with 4 where a figure is not above the noise: two series without the mesh differ by as much.`,
    )
    .action(async (options: Options) => {
      const { measureOverhead } = await import('../../library/overhead.ts');
      using progress = consoleProgress({ timings: [] });
      using interrupts = watchInterrupts({
        timeoutMs: options.timeout,
        onFirst: (why) => progress.warn(`${why}: cleaning up (a second Ctrl-C gives up on that)`),
        onSecond: () => process.exit(130),
      });
      const {
        app,
        cluster,
        mesh,
        meshBinaries,
        meshImages,
        meshRelease,
        lab,
        service,
        rps,
        seconds,
        rounds,
        reports: reportsDir,
      } = options;
      const overhead = await measureOverhead({
        ...{
          app,
          cluster,
          mesh,
          meshBinaries,
          meshImages,
          meshRelease,
          lab,
          service,
          rps,
          seconds,
          rounds,
          reportsDir,
        },
        command: ['meshproof', ...process.argv.slice(2)],
        progress,
        signal: interrupts.signal,
        interrupted: () => interrupts.interrupted,
      });
      progress[Symbol.dispose]();
      if (options.json === true) process.stdout.write(`${JSON.stringify(asJson(overhead), null, 2)}\n`);
      else print(overhead);
      process.exitCode = overhead.result.verdict.exitCode;
    });
}

/** Open ends of intervals are null; a figure that is no finding says why. */
function asJson({ latency, proxies, result }: Overhead): object {
  return {
    mesh: result.report.mesh?.name,
    verdict: result.verdict,
    latency: latency.map(({ quantile, without, with: withIt, added, interval, noise, inconclusive, status }) => ({
      id: `p${quantile * 100}`,
      status,
      withoutMs: without,
      withMs: withIt,
      noiseMs: noise,
      ...(inconclusive === undefined && status !== 'invalid' ? { addedMs: added } : { inconclusive }),
      intervalMs: [interval.low, Number.isFinite(interval.high) ? interval.high : null],
    })),
    proxies: proxies.map(({ pod, ...cost }) => ({ id: pod, ...cost })),
    report: `${result.dir}/report.json`,
  };
}

function print({ latency, proxies, result }: Overhead): void {
  const lines = [''];
  if (latency.length > 0) {
    const rows = latency.map(({ quantile, without, with: withIt, added, interval, noise, status }) => [
      `p${quantile * 100}`,
      milliseconds(without),
      milliseconds(withIt),
      status === 'invalid' ? 'inconclusive' : milliseconds(added),
      `${milliseconds(interval.low)} to ${Number.isFinite(interval.high) ? milliseconds(interval.high) : '?'}`,
      milliseconds(noise),
    ]);
    lines.push(table([['', 'WITHOUT', 'WITH', 'ADDED', 'INTERVAL (99 %)', 'NOISE'], ...rows]), '');
  }
  if (proxies.length > 0) {
    const rows = proxies.map(({ pod, cpuMsPer1000Requests, memoryBytes }) => [
      pod,
      milliseconds(cpuMsPer1000Requests),
      `${(memoryBytes / 2 ** 20).toFixed(1)} MiB`,
    ]);
    lines.push(table([['PROXY OF', 'CPU FOR 1,000 REQUESTS', 'MEMORY'], ...rows]), '');
  }
  lines.push(...troubleLines(result, { mark, bold: pc.bold, dim: pc.dim }), '');
  lines.push(`${pc.bold(result.verdict.summary)} — ${result.dir}/report.html`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('expected a number above 0.');
  return number;
}
