import { Option } from 'commander';
import type { TapEvent } from '../../views/tap-events.ts';
import { isBounded, lookAtLab, streamCommand, streamEnd, type StreamOptions } from '../live.ts';

interface Options extends StreamOptions {
  method?: string | undefined;
  path?: string | undefined;
}

export function tapCommand() {
  return streamCommand('tap', 'show single HTTP requests as they reach services, until Ctrl-C', 'requests')
    .argument('[service]', 'only requests to it (default: to every service that speaks HTTP)')
    .addOption(new Option('--method <method>', 'only requests with this method'))
    .addOption(new Option('--path <prefix>', 'only requests whose path starts with this'))
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof tap trips --lab dev
  $ ./bin/meshproof tap --lab dev --path /api --count 20 --json

It listens on the loopback of each pod, between sidecar and app: the mesh and the app are not changed, and nothing is left.
A source in parentheses has proved no identity to the sidecar: a probe inside the pod, or a caller in plaintext.
With --json an array where --count or --duration ends it, else an object on each line.`,
    )
    .action(async (service: string | undefined, options: Options) => {
      await lookAtLab(options, async (lab, { progress, signal }) => {
        const [{ startTap }, { tapLine }] = await Promise.all([
          import('../../views/tap.ts'),
          import('../../views/tap-events.ts'),
        ]);
        const enough = new AbortController();
        const asArray = options.json && isBounded(options);
        const seen: TapEvent[] = [];
        let shown = 0;
        const onEvent = (event: TapEvent): void => {
          if (enough.signal.aborted || !wanted(event, options)) return;
          if (asArray) seen.push(event);
          else process.stdout.write(`${options.json ? JSON.stringify(event) : tapLine(event)}\n`);
          if (++shown === options.count) enough.abort();
        };
        await using tap = await startTap(lab, { service, onEvent, signal });
        progress.info(`listening at ${tap.targets.map(({ pod }) => pod.ref.name).join(', ')}`);
        try {
          await streamEnd(options, enough.signal, signal);
        } finally {
          for (const problem of tap.problems()) progress.warn(problem);
          if (asArray) process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
        }
      });
    });
}

function wanted(event: TapEvent, { method, path }: Options): boolean {
  return (method === undefined || event.method === method.toUpperCase()) && event.path.startsWith(path ?? '');
}
