import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { MeshproofError } from '../../../src/base/errors.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { runCommand, startCommand } from '../../../src/base/process.ts';

const processModule = fileURLToPath(new URL('../../../src/base/process.ts', import.meta.url));
const loader = fileURLToPath(new URL('../../../bin/typescript.mjs', import.meta.url));

async function failure(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(Error);
  return error as Error;
}

/** A zombie that nobody waited for runs no more either. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  const look = async () => (runs(pid) ? { pending: 'still there' } : { ready: true });
  await pollUntil(look, { what: `process ${pid} to be gone`, timeoutMs: 5000, intervalMs: 10 });
}

describe('runCommand', () => {
  it('gives output and exit code, and fails with the last lines', async () => {
    expect((await runCommand(['sh', '-c', 'cat; echo err >&2'], { input: 'in' })).stdout).to.equal('in');
    const error = await failure(runCommand(['sh', '-c', 'echo why >&2; exit 7']));
    expect(error).to.be.instanceOf(MeshproofError);
    expect(error.message).to.match(/^sh failed with exit code 7:\nwhy$/);
    expect((await failure(runCommand(['no-such-program-here']))).message).to.contain('was not found');
  });

  it('shows lines of both streams as they come, whole characters, the last one too', async () => {
    const lines: string[] = [];
    const halves = `printf 'caf\\303'; sleep 0.05; printf '\\251\\nend'; echo err >&2`;
    await runCommand(['sh', '-c', halves], { onLine: (line) => lines.push(line) });
    expect(lines.sort()).to.deep.equal(['café', 'end', 'err']);
  });

  it('ends a program and its grandchildren at the deadline', async () => {
    let grandchild = 0;
    const error = await failure(
      runCommand(['sh', '-c', 'sleep 600 & echo $!; wait'], { timeoutMs: 200, onLine: (pid) => (grandchild = +pid) }),
    );
    expect(error.message).to.contain('did not end within 200 ms');
    await gone(grandchild);
  });

  it('does not take a deadline beyond the longest timer for none left', async () => {
    const { stdout } = await runCommand(['sh', '-c', 'sleep 0.05; echo done'], { timeoutMs: 597 * 3600 * 1000 });
    expect(stdout).to.equal('done\n');
  });

  it('ends it when it is aborted, with the reason', async () => {
    const aborting = new AbortController();
    const reason = new Error('enough');
    let grandchild = 0;
    const onLine = (pid: string): void => {
      grandchild = Number(pid);
      aborting.abort(reason);
    };
    const work = runCommand(['sh', '-c', 'sleep 600 & echo $!; wait'], { signal: aborting.signal, onLine });
    expect(await failure(work)).to.equal(reason);
    await gone(grandchild);
  });
});

describe('startCommand', () => {
  it('runs until it is stopped', async () => {
    const command = startCommand(['sh', '-c', 'trap "exit 3" INT; while :; do sleep 0.01; done']);
    await command.stop();
    expect((await command.ended).signal ?? (await command.ended).exitCode).to.be.oneOf([3, 'SIGINT']);
  });

  it('kills what does not stop, with its grandchildren, and says so', async () => {
    const lines: string[] = [];
    const script = `trap '' INT; sleep 600 & echo $! >&2; while :; do wait; done`;
    const command = startCommand(['sh', '-c', script], { onStderrLine: (line) => lines.push(line) });
    await pollUntil(async () => (lines.length > 0 ? { ready: true } : { pending: 'silent' }), {
      what: 'the grandchild',
      timeoutMs: 5000,
      intervalMs: 10,
    });
    expect(await command.stop({ graceMs: 50 })).to.deep.equal({ killed: true });
    expect(await command.ended).to.include({ signal: 'SIGKILL', stderr: `${lines[0]}\n` });
    await gone(Number(lines[0]));
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`leaves nothing behind when meshproof dies of ${signal}`, async () => {
      const script = `
        const { startCommand } = await import(${JSON.stringify(processModule)});
        const { pid } = startCommand(['sleep', '600']);
        console.log(pid);
        setInterval(() => {}, 1000);`;
      const parent = execa(process.execPath, ['--import', loader, '--input-type=module', '-e', script], {
        reject: false,
      });
      let said = '';
      parent.stdout.on('data', (text: Buffer) => (said += text.toString()));
      await pollUntil(async () => (said.includes('\n') ? { ready: true } : { pending: 'silent' }), {
        what: 'the program',
        timeoutMs: 30_000,
        intervalMs: 10,
      });
      const pid = Number(said);
      expect(runs(pid)).to.equal(true);
      parent.kill(signal);
      expect((await parent).signal).to.equal(signal);
      await gone(pid);
    });
  }
});
