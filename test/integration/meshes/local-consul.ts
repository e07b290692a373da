import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../src/base/errors.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { runCommand, startCommand, type CommandResult } from '../../../src/base/process.ts';
import { createMeshAuthority } from '../../../src/meshes/consul/mesh-authority.ts';
import { authMethod, ports } from '../../../src/meshes/consul/names.ts';
import { createServerTls } from '../../../src/meshes/consul/server-tls.ts';
import { serverObjects } from '../../../src/meshes/consul/server.ts';
import { toolPath } from '../faults/tool-path.ts';

export interface LocalConsul extends AsyncDisposable {
  /** Files of the server, and room for those of a pod. */
  readonly directory: string;
  readonly url: string;
  readonly caFile: string;
  /** Runs a program beside the server, in its network namespace; never throws for an exit code. */
  run(argv: string[], env?: Record<string, string>): Promise<CommandResult>;
  /** `consul` as the manager of everything. */
  consul(...args: string[]): Promise<string>;
  /** The API as the manager of everything. */
  api<T>(path: string): Promise<T>;
  /** What a pod has from its service account: only the issuer is another than in a cluster. */
  identityOf(serviceAccount: string): string;
}

/** Consul's server with the very configuration it has in a lab, in a network namespace of its own instead of a cluster. */
export async function localConsul(): Promise<LocalConsul> {
  const directory = await mkdtemp('/var/tmp/meshproof-consul-');
  await chmod(directory, 0o755);
  const tools = await toolPath({
    consul: ['consul'],
    iptables: ['iptables', 'iptables-save', 'iptables-restore'],
  });
  const netns = `mp-consul-${process.pid}`;
  const managementToken = randomUUID();
  const tls = await createServerTls(Date.now());
  const objects = serverObjects({
    image: 'none',
    managementToken,
    tls,
    authority: await createMeshAuthority(Date.now()),
  });
  const files = objects.find(({ kind, stringData }) => kind === 'Secret' && stringData)!.stringData as Record<
    string,
    string
  >;
  const config = files['server.json']!.replaceAll('/consul/config', directory).replaceAll(
    '/consul/data',
    join(directory, 'data'),
  );
  for (const [name, content] of Object.entries({ ...files, 'server.json': config }))
    await writeFile(join(directory, name), content);
  const url = `https://localhost:${ports.https}`;
  const caFile = join(directory, 'ca.pem');
  const inside = (argv: string[]): string[] => ['ip', 'netns', 'exec', netns, ...argv];
  const path = `${tools.directory}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const run = (argv: string[], env: Record<string, string> = {}): Promise<CommandResult> =>
    runCommand(inside(argv), {
      env: { PATH: path, ...env },
      okExitCodes: Array.from({ length: 256 }, (_, code) => code),
    });
  const manager = { CONSUL_HTTP_ADDR: url, CONSUL_CACERT: caFile, CONSUL_HTTP_TOKEN: managementToken };
  const consul = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await run(['consul', ...args], manager);
    if (exitCode !== 0) throw new Error(`consul ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };

  await runCommand(['ip', 'netns', 'add', netns]);
  await runCommand(['ip', '-n', netns, 'link', 'set', 'lo', 'up']);
  const server = startCommand(
    inside(['consul', 'agent', `-config-file=${join(directory, 'server.json')}`, '-bind=127.0.0.1']),
    {
      env: { PATH: path },
      outputFile: join(directory, 'server.log'),
    },
  );
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const dispose = async (): Promise<void> => {
    await server.stop({ signal: 'SIGKILL', graceMs: 0 });
    await runCommand(['ip', 'netns', 'delete', netns]);
    await tools[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const method = join(directory, 'method.json');
    await writeFile(
      method,
      JSON.stringify({
        JWTValidationPubKeys: [publicKey.export({ type: 'spki', format: 'pem' })],
        ClaimMappings: { sub: 'account' },
      }),
    );
    const create = ['acl', 'auth-method', 'create', '-type=jwt', `-name=${authMethod}`, `-config=@${method}`];
    await pollUntil(
      () =>
        consul(...create).then(
          () => ({ ready: true }),
          // Until it has elected itself, and made its first token.
          (error: unknown) => ({ pending: messageOf(error) }),
        ),
      { what: 'Consul takes its configuration', timeoutMs: 60_000, intervalMs: 300 },
    );
    const binding = ['-bind-type=service', '-bind-name=${value.account}'];
    await consul('acl', 'binding-rule', 'create', `-method=${authMethod}`, ...binding);
  } catch (error) {
    const log = await readFile(join(directory, 'server.log'), 'utf8');
    await dispose();
    throw new Error(log, { cause: error });
  }
  return {
    directory,
    url,
    caFile,
    run,
    consul,
    async api<T>(at: string) {
      const ask = `fetch('http://127.0.0.1:${ports.http}${at}', { headers: { 'x-consul-token': process.env.TOKEN } }).then(async (r) => console.log(await r.text()))`;
      return JSON.parse((await run([process.execPath, '-e', ask], { TOKEN: managementToken })).stdout) as T;
    },
    identityOf(serviceAccount) {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const now = Math.floor(Date.now() / 1000);
      const text = `${part({ alg: 'ES256', typ: 'JWT' })}.${part({ sub: serviceAccount, iat: now, nbf: now - 60, exp: now + 600 })}`;
      const signature = createSign('sha256').update(text).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${text}.${signature.toString('base64url')}`;
    },
    [Symbol.asyncDispose]: dispose,
  };
}
