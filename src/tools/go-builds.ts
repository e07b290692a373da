/** A package that a build has to compile. The standard library has no version. */
export interface PlannedPackage {
  path: string;
  version: string;
}

export interface GoBuildProgress {
  /** Told of each line that `go build -v` prints; whether it was a package of the plan. */
  compiling(line: string): boolean;
  /** How far this build is, and all of them. */
  text(): string;
  /** Whatever was not named had been compiled by another build. */
  finished(): void;
}

/** The Go builds of one set-up, which share a build cache: what one has compiled, another need not. */
export class GoBuilds {
  readonly #planned = new Set<string>();
  readonly #compiled = new Set<string>();
  #builds = 0;

  plan(packages: readonly PlannedPackage[]): GoBuildProgress {
    const keys = new Map(packages.map(({ path, version }) => [path, `${path} ${version}`]));
    for (const key of keys.values()) this.#planned.add(key);
    this.#builds++;
    return {
      compiling: (line) => {
        const key = keys.get(line);
        if (key === undefined) return false;
        this.#compiled.add(key);
        return true;
      },
      text: () => {
        const own = [...keys.values()].filter((key) => this.#compiled.has(key)).length;
        const all = `; all ${this.#builds} builds: ${share(this.#compiled.size, this.#planned.size)}`;
        return `${share(own, keys.size)} packages compiled${this.#builds > 1 ? all : ''}`;
      },
      finished: () => {
        for (const key of keys.values()) this.#compiled.add(key);
      },
    };
  }
}

function share(part: number, whole: number): string {
  const text = (count: number): string => count.toLocaleString('en-US');
  return `${text(part)} of ${text(whole)}`;
}
