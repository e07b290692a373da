import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { authMethod, sidecarUid } from '../names.ts';
import { consulServer, type ConsulServer } from './consul-server.ts';
import { filledIn, insistently, variable } from './environment.ts';

/**
 * Logs in with the pod's own service account, registers, writes Envoy's bootstrap and redirects the pod's traffic. Everything
 * before the redirect leaves the pod directly.
 */
export async function init(): Promise<void> {
  process.umask(0o077);
  const tokenFile = variable('CONSUL_HTTP_TOKEN_FILE');
  const url = variable('CONSUL_HTTP_ADDR');
  using server = consulServer({ url, caFile: variable('CONSUL_CACERT') });
  const [token, serverIp, virtualIp] = await Promise.all([
    // Until the control plane answers and knows the auth method, a login fails; so does one before the account is known.
    insistently('cannot log in', () => login(server)),
    insistently('no address for the Consul server', () => addressOf(new URL(url).hostname)),
    virtualAddress(),
  ]);
  const pod = Object.fromEntries(
    ['POD_IP', 'POD_NAME', 'POD_UID', 'POD_NAMESPACE'].map((name) => [name, variable(name)]),
  );
  const fill = (name: string): string =>
    filledIn(variable(name), { ...pod, VIRTUAL_IP: virtualIp, SERVER_IP: serverIp, TOKEN: token });
  const put = (path: string, body: string): Promise<string> =>
    server.send('PUT', path, { token, body: JSON.parse(body) as unknown });

  // Written only if nobody has: a policy that is in force must not be undone by a pod that starts.
  await put('/v1/config?cas=0', fill('SERVICE_DEFAULTS'));
  await put('/v1/agent/service/register', fill('REGISTRATION'));
  const files = { [tokenFile]: token, [join(dirname(tokenFile), 'bootstrap.json')]: fill('BOOTSTRAP') };
  for (const [path, content] of Object.entries(files)) {
    writeFileSync(path, content);
    chownSync(path, sidecarUid, -1);
  }
  chownSync(dirname(tokenFile), sidecarUid, -1);
  redirect(variable('REDIRECT'));
  console.log(`mesh-init: registered as ${pod.POD_NAME}, virtual address ${virtualIp || 'none'}`);
}

async function login(server: ConsulServer): Promise<string> {
  const body = {
    AuthMethod: authMethod,
    BearerToken: readFileSync(variable('IDENTITY_TOKEN_FILE'), 'utf8').trim(),
    Meta: { 'pod-uid': variable('POD_UID'), pod: `${variable('POD_NAMESPACE')}/${variable('POD_NAME')}` },
  };
  const answer = JSON.parse(await server.send('POST', '/v1/acl/login', { body })) as { SecretID: string };
  return answer.SecretID;
}

/** ClusterIP of the pod's Service; empty for a pod without one. */
async function virtualAddress(): Promise<string> {
  const service = process.env.SERVICE_NAME;
  if (!service) return '';
  return insistently(`no address for ${service}`, () => addressOf(service));
}

/** A Service's; the resolver's search domains complete its name, the first is the namespace's. */
async function addressOf(host: string): Promise<string> {
  return (await lookup(host)).address;
}

/** The whole table at once: all rules or none, and the same ones when a container is started again. */
function redirect(rules: string): void {
  const { status, stderr, error } = spawnSync('iptables-restore', { input: rules, encoding: 'utf8' });
  if (status !== 0) throw new Error(`iptables-restore: ${error?.message ?? stderr.trim()}`);
}
