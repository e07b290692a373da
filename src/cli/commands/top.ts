import { isBounded, lookAtLab, streamCommand, streamEnd, type StreamOptions } from '../live.ts';

const frameMs = 1000;
/** Of a terminal: the cursor to its corner, everything behind it gone. */
const clear = '\u001b[H\u001b[J';
/** Lines of a frame that are not rows. */
const aroundRows = 4;

export function topCommand() {
  return streamCommand('top', 'show which HTTP requests are made most, refreshed every second, until Ctrl-C', 'frames')
    .argument('[service]', 'only requests to it (default: to every service that speaks HTTP)')
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof top --lab dev
  $ ./bin/meshproof top trips --lab dev --duration 30s --json

Counted since it began, from what \`meshproof tap\` sees. A source in parentheses has proved no identity: a probe inside the pod,
or a caller in plaintext. With --json an array of the last frame where --count or --duration
ends it, else an object on each line, with the number of its frame.`,
    )
    .action(async (service: string | undefined, options: StreamOptions) => {
      await lookAtLab(options, async (lab, { progress, signal }) => {
        const [{ startTap }, { Top, topTable }] = await Promise.all([
          import('../../views/tap.ts'),
          import('../../views/top.ts'),
        ]);
        const top = new Top();
        const enough = new AbortController();
        await using tap = await startTap(lab, { service, onEvent: (event) => top.add(event), signal });
        progress.info(`listening at ${tap.targets.map(({ pod }) => pod.ref.name).join(', ')}`);
        const start = performance.now();
        const rows = () => top.rows((performance.now() - start) / 1000);
        const { isTTY, rows: lines = 24 } = process.stdout;
        let frame = 0;
        const draw = (): void => {
          frame++;
          const asLines = options.json && !isBounded(options);
          if (asLines) for (const row of rows()) process.stdout.write(`${JSON.stringify({ frame, ...row })}\n`);
          else if (!options.json) {
            const text = topTable(rows(), isTTY ? Math.max(1, lines - aroundRows) : Infinity);
            process.stdout.write(isTTY ? `${clear}${text}\n` : `${text}\n\n`);
          }
          if (frame === options.count) enough.abort();
        };
        const timer = setInterval(draw, frameMs);
        try {
          await streamEnd(options, enough.signal, signal);
        } finally {
          clearInterval(timer);
          for (const problem of tap.problems()) progress.warn(problem);
          if (options.json && isBounded(options)) process.stdout.write(`${JSON.stringify(rows(), null, 2)}\n`);
        }
      });
    });
}
