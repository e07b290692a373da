import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { runCommand, type CommandResult } from '../base/process.ts';
import { withFileLock } from './file-lock.ts';
import { NotHere, type SourceContext } from './source.ts';

export interface AptPackage {
  name: string;
  version: string;
}

const listsMaxAgeMs = 24 * 3600 * 1000;

/**
 * apt-get with a state of its own below the cache: the host's sources, keys and proxy settings, but not its lists,
 * its dpkg status or its hooks (Docker images have one that deletes the host's archives after an update).
 */
export class PrivateApt {
  readonly #directory: string;
  readonly #context: Pick<SourceContext, 'signal' | 'detail'>;

  private constructor(directory: string, context: Pick<SourceContext, 'signal' | 'detail'>) {
    this.#directory = directory;
    this.#context = context;
  }

  /** Runs `work` alone among all meshproofs of this cache. @throws NotHere where there is no apt. */
  static async use<T>(context: SourceContext, work: (apt: PrivateApt) => Promise<T>): Promise<T> {
    const directory = join(context.cacheDir, 'apt');
    const { signal } = context;
    return withFileLock(`${directory}.lock`, { what: 'Debian packages', signal, timeoutMs: 15 * 60_000 }, async () => {
      const apt = new PrivateApt(directory, context);
      await apt.#prepare();
      return work(apt);
    });
  }

  async #prepare(): Promise<void> {
    for (const part of ['lists/partial', 'archives/partial', 'empty']) {
      await mkdir(join(this.#directory, part), { recursive: true });
    }
    await writeFile(join(this.#directory, 'status'), '');
    let dump: CommandResult;
    try {
      dump = await runCommand(['apt-config', 'dump'], { signal: this.#context.signal, timeoutMs: 30_000 });
      await runCommand(['dpkg-deb', '--version'], { signal: this.#context.signal, timeoutMs: 30_000 });
    } catch (error) {
      this.#context.signal.throwIfAborted();
      throw new NotHere(`no apt-get or dpkg-deb here (${messageOf(error).split('\n')[0]})`);
    }
    const kept = dump.stdout
      .split('\n')
      .filter((line) => /^Acquire::(?!IndexTargets|Languages)[^ ]+ ".+";$/.test(line));
    const own = [
      `Dir::Etc::parts "${this.#directory}/empty";`,
      'Dir::Etc::main "/dev/null";',
      `Dir::State "${this.#directory}";`,
      `Dir::State::lists "${this.#directory}/lists";`,
      `Dir::State::status "${this.#directory}/status";`,
      `Dir::State::extended_states "${this.#directory}/extended_states";`,
      `Dir::Cache "${this.#directory}";`,
      `Dir::Cache::archives "${this.#directory}/archives";`,
      `Dir::Log "${this.#directory}/log";`,
      // The sandbox user _apt may not enter the cache of root.
      'APT::Sandbox::User "root";',
      'APT::Install-Recommends "0";',
      'Acquire::Languages "none";',
      'Acquire::Retries "2";',
    ];
    await writeFile(join(this.#directory, 'apt.conf'), `${[...kept, ...own].join('\n')}\n`);
  }

  async #run(argv: string[], cwd?: string): Promise<string> {
    const result = await runCommand(argv, {
      env: { APT_CONFIG: join(this.#directory, 'apt.conf'), LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      cwd,
      signal: this.#context.signal,
      timeoutMs: 10 * 60_000,
    });
    return result.stdout;
  }

  /** Fetches package lists if there are none of today. A third-party source that fails does not matter. */
  async update(force = false): Promise<void> {
    const lists = join(this.#directory, 'lists');
    const fresh = await Promise.all(
      (await readdir(lists))
        .filter((file) => /_Packages(\.\w+)?$/.test(file))
        .map(async () => Date.now() - (await stat(join(this.#directory, 'updated'))).mtimeMs < listsMaxAgeMs),
    ).catch(() => []);
    if (!force && fresh.some(Boolean)) return;
    this.#context.detail('apt-get update');
    try {
      await this.#run(['apt-get', 'update', '-q']);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      if (!(await readdir(lists)).some((file) => /_Packages(\.\w+)?$/.test(file))) {
        throw new NotHere(
          `apt-get update: ${
            messageOf(error)
              .split('\n')
              .find((line) => line.startsWith('E:')) ?? 'failed'
          }`,
        );
      }
    }
    await writeFile(join(this.#directory, 'updated'), '');
  }

  /** The version apt would install, or undefined if no source has the package. */
  async candidate(name: string): Promise<string | undefined> {
    const text = await this.#run(['apt-cache', 'policy', name]);
    const version = /Candidate: (\S+)/.exec(text)?.[1];
    return version === '(none)' ? undefined : version;
  }

  /** Everything the packages need on a machine that has nothing, themselves included. */
  async closure(names: readonly string[]): Promise<AptPackage[]> {
    const text = await this.#run([
      'apt-get',
      'install',
      '-y',
      '-q',
      '--print-uris',
      '--no-install-recommends',
      ...names,
    ]);
    return [...text.matchAll(/^'[^']+' (\S+)_(\S+)_\w+\.deb /gm)].map(([, name = '', version = '']) => ({
      name,
      version: decodeURIComponent(version),
    }));
  }

  /** Downloads packages (checked by apt against the signed lists) and unpacks them into `root`. Runs no maintainer script. */
  async unpack(packages: readonly AptPackage[], root: string, scratch: string): Promise<void> {
    await mkdir(scratch, { recursive: true });
    await mkdir(root, { recursive: true });
    this.#context.detail(`downloading ${packages.length} Debian packages`);
    await this.#run(
      ['apt-get', 'download', '-q', ...packages.map(({ name, version }) => `${name}=${version}`)],
      scratch,
    );
    for (const file of (await readdir(scratch)).filter((each) => each.endsWith('.deb')).sort()) {
      this.#context.detail(`unpacking ${file.split('_')[0]}`);
      await this.#run(['dpkg-deb', '-x', join(scratch, file), root]);
    }
  }
}
