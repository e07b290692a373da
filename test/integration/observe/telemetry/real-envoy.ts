import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { pollUntil } from '../../../../src/base/poll.ts';
import { startCommand } from '../../../../src/base/process.ts';
import { silentProgress } from '../../../../src/base/progress.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';

const router = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
};
const loopback = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function listener(name: string, statPrefix: string, route: object): object {
  return {
    name,
    address: loopback(0),
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: statPrefix,
              route_config: {
                virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }],
              },
              http_filters: [router],
            },
          },
        ],
      },
    ],
  };
}

function cluster(name: string, port: number): object {
  const endpoint = { address: loopback(port) };
  return {
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

/**
 * A real Envoy on loopback as a sidecar of a service and of its caller at once: `/?delay=MS&status=CODE` goes through
 * `upstream.trips` (2 retries on 503, timeout 300 ms) to a server that answers so.
 */
export class RealEnvoy implements AsyncDisposable {
  readonly #close: (() => Promise<void>)[] = [];
  #admin = '';
  #entry = '';

  static async start(): Promise<RealEnvoy> {
    const self = new RealEnvoy();
    try {
      await self.#start();
      return self;
    } catch (error) {
      await self[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const tool = await createToolbox({ progress: silentProgress(), signal: new AbortController().signal }).get('envoy');
    const server = createServer((request, response) => {
      const query = new URL(request.url!, 'http://x').searchParams;
      setTimeout(
        () => response.writeHead(Number(query.get('status') ?? 200)).end('ok'),
        Number(query.get('delay') ?? 0),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#close.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const directory = await mkdtemp(join(tmpdir(), 'meshproof-envoy-'));
    this.#close.push(() => rm(directory, { recursive: true, force: true }));
    const config = {
      admin: { address: loopback(0) },
      stats_flush_interval: '0.1s',
      static_resources: {
        listeners: [
          listener('out', 'upstream.trips', {
            cluster: 'trips',
            timeout: '0.3s',
            retry_policy: { retry_on: 'retriable-status-codes', retriable_status_codes: [503], num_retries: 2 },
          }),
        ],
        clusters: [cluster('trips', (server.address() as AddressInfo).port)],
      },
    };
    const adminFile = join(directory, 'admin');
    const configFile = join(directory, 'envoy.json');
    await writeFile(configFile, JSON.stringify(config));
    const envoy = startCommand(
      [
        tool.bin['envoy']!,
        '-c',
        configFile,
        '--concurrency',
        '1',
        '--disable-hot-restart',
        '--admin-address-path',
        adminFile,
      ],
      { env: tool.env, outputFile: join(directory, 'log') },
    );
    this.#close.push(async () => {
      await envoy.stop({ signal: 'SIGKILL' });
    });
    await pollUntil(
      async () => {
        const address = existsSync(adminFile) ? await readFile(adminFile, 'utf8') : '';
        if (address === '') return { pending: 'it has no admin port yet' };
        this.#admin = `http://${address}`;
        const {
          listener_statuses: [out],
        } = JSON.parse(await this.text('/listeners?format=json')) as {
          listener_statuses: { local_address: { socket_address: { port_value: number } } }[];
        };
        if (out === undefined) return { pending: 'it has no listener yet' };
        this.#entry = `http://127.0.0.1:${out.local_address.socket_address.port_value}`;
        return { ready: true };
      },
      { what: 'Envoy', timeoutMs: 20_000 },
    );
  }

  async text(path: string): Promise<string> {
    return (await fetch(this.#admin + path)).text();
  }

  /** Detailed stats once every request is in the histograms: counters are live, histograms wait for the next flush. */
  async stats(expectedRequests: number, count: (json: string) => number): Promise<string> {
    return pollUntil<string>(
      async () => {
        const json = await this.text('/stats?format=json&histogram_buckets=detailed');
        const seen = count(json);
        return seen >= expectedRequests ? { ready: json } : { pending: `${seen} of ${expectedRequests}` };
      },
      { what: 'Envoy histograms', timeoutMs: 10_000 },
    );
  }

  /** Status and time as the client sees them. */
  async call(query: string): Promise<{ status: number; ms: number }> {
    const start = performance.now();
    const response = await fetch(`${this.#entry}/?${query}`);
    await response.text();
    return { status: response.status, ms: performance.now() - start };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#close.reverse()) await close();
  }
}
