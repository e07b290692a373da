import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { toolNames, type ToolName } from './tool.ts';
import { isRange } from './version.ts';

const range = z.string().refine(isRange, 'expected comparators such as ">=1.34.0 <1.35.0"');
const pattern = z.string().refine((text) => new RegExp(text) && text.includes('('), 'expected one capture group');
const httpUrl = z.string().regex(/^https?:\/\//);

const hostSchema = z.strictObject({
  /** Programs that must all be there: a half-installed tool is not a fit. */
  programs: z.array(z.string()),
  /** Programs whose version is asked for; the first of `programs` if absent. */
  checked: z.array(z.string()).optional(),
  /** Looked at before PATH. */
  directories: z.array(z.string()).default([]),
  onlyDirectories: z.boolean().default(false),
  args: z.array(z.string()).default([]),
  pattern: pattern.optional(),
  range,
  /** The program must not need a dynamic loader (it goes into images by itself). */
  static: z.boolean().default(false),
  /** A file instead of programs; it has no version. */
  file: z.strictObject({ name: z.string(), paths: z.array(z.string()) }).optional(),
});

const releaseFileSchema = z.strictObject({
  url: httpUrl,
  /** The publisher's own checksum file: the only thing a download is believed by. */
  checksums: httpUrl,
  archive: z.enum(['none', 'tar.gz', 'zip']),
  /** Program -> path inside the archive; empty for a bare file. */
  programs: z.record(z.string(), z.string()),
});

const debianSchema = z.strictObject({
  kind: z.literal('debian'),
  /** Where the name has the version in it: what `{series}` stands for, the preferred one first. */
  series: z.array(z.string()).min(1).optional(),
  /** The first one gives the version. */
  packages: z.array(z.string()).min(1),
  range,
  /** Searched for the programs, before the usual ones. */
  directories: z.array(z.string()).default([]),
  programs: z.array(z.string()).min(1),
  /** Program -> path, where the name on disk differs. */
  files: z.record(z.string(), z.string()).default({}),
  /** Directories with modules that are opened at run time: their libraries are needed too. */
  modules: z.array(z.string()).default([]),
  /** Libraries opened at run time by name. */
  needed: z.array(z.string()).default([]),
  /** Packages of the closure that are left out. */
  without: z.array(z.string()).default([]),
  /** Unpacked paths that are removed again, because what they need was left out. */
  drop: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  /** Programs are started by others by name: give them small scripts that set the environment, if they need any. */
  wrap: z.boolean().default(false),
  concatenate: z.strictObject({ into: z.string(), from: z.string() }).optional(),
  /** A fontconfig file for this directory is written to `fonts.conf`. */
  fonts: z.string().optional(),
});

const goSchema = z.strictObject({
  kind: z.literal('go'),
  module: z.string(),
  /** Below `tools/`: go.mod, go.sum and perhaps a main package. */
  directory: z.string(),
  build: z.string(),
  tags: z.string().optional(),
  ldflags: z.string(),
  /** One binary; several names are links to it. */
  programs: z.array(z.string()).min(1),
  /** Files of the module that go with it: name -> path in the module. */
  files: z.record(z.string(), z.string()).optional(),
  coldMinutes: z.number(),
});

/** No program: files of a Go module, as they are, verified by the `go.sum` of a module that needs it. */
const goFilesSchema = z.strictObject({
  kind: z.literal('go-files'),
  module: z.string(),
  /** Below `tools/`: the module that pins it. */
  directory: z.string(),
  /** Name -> path in the module. */
  files: z.record(z.string(), z.string()),
});

const pypiSchema = z.strictObject({
  kind: z.literal('pypi'),
  project: z.string(),
  wheel: z.string(),
  platform: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  programs: z.record(z.string(), z.string()),
});

/** In no package registry. */
const nonePackageSchema = z.strictObject({ kind: z.literal('none'), reason: z.string() });

const toolSchema = z
  .strictObject({
    /** Of the release and of the Go or PyPI package; a Debian package has the version its suite gives, within its range. */
    version: z.string(),
    /** SPDX, of the program as its makers publish it. meshproof runs it as it is: nothing of it is linked in or shipped. */
    licence: z.string().regex(/^[A-Za-z][\w.-]+$/),
    host: hostSchema,
    release: z.strictObject({ files: z.array(releaseFileSchema).min(1) }).optional(),
    /** Why there is no official binary release to take. */
    noRelease: z.string().optional(),
    /** Its makers' release where that is another program than `package` makes: only for who asks for it (official.ts). */
    official: z
      .strictObject({
        version: z.string(),
        /** What it says of its version; like `host.pattern`. */
        pattern,
        files: z.array(releaseFileSchema).min(1),
      })
      .optional(),
    package: z.discriminatedUnion('kind', [debianSchema, goSchema, goFilesSchema, pypiSchema, nonePackageSchema]),
  })
  .refine((tool) => (tool.release === undefined) !== (tool.noRelease === undefined), 'expected release or noRelease');

const lockSchema = z.strictObject({
  schemaVersion: z.literal(1),
  architecture: z.literal('amd64'),
  /** One request decides for the whole run whether the internet is there. */
  probe: z.strictObject({ url: httpUrl, expect: z.string(), timeoutMs: z.number().max(5000) }),
  go: z.strictObject({
    version: z.string(),
    /** Looked at after PATH, which sudo shortens. */
    directories: z.array(z.string()),
    release: z.strictObject({ url: httpUrl, checksums: httpUrl }),
    toolchain: z.strictObject({ version: z.string(), h1: z.string().startsWith('h1:') }),
  }),
  tools: z.record(z.enum(toolNames), toolSchema),
});

export type ToolsLock = z.infer<typeof lockSchema>;
export type ToolLock = z.infer<typeof toolSchema>;
export type HostLock = z.infer<typeof hostSchema>;
export type DebianLock = z.infer<typeof debianSchema>;
export type GoLock = z.infer<typeof goSchema>;
export type GoFilesLock = z.infer<typeof goFilesSchema>;
export type PypiLock = z.infer<typeof pypiSchema>;

/** `tools/` of this checkout: the lock file and the Go modules. */
export const toolsDirectory = fileURLToPath(new URL('../../tools/', import.meta.url));

/** Throws a ZodError with the path of what is wrong: the lock file is part of the source, so that is a bug. */
export function parseLock(value: unknown): ToolsLock {
  return lockSchema.parse(value);
}

export function readLock(): ToolsLock {
  return parseLock(JSON.parse(readFileSync(`${toolsDirectory}lock.json`, 'utf8')));
}

/** `{version}` in a URL or path of the lock file. */
export function fill(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/** A Debian package once for each of its series, in order of preference. */
export function seriesOf(lock: DebianLock): DebianLock[] {
  return (lock.series ?? ['']).map((series) => JSON.parse(fill(JSON.stringify(lock), { series })) as DebianLock);
}

export function lockOf(lock: ToolsLock, name: ToolName): ToolLock {
  return lock.tools[name];
}
