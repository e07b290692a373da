import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What of Docker's or Podman's own configuration says how to log in somewhere. https://docs.docker.com/reference/cli/docker/login */
interface LoginConfig {
  auths?: Record<string, unknown>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Files that crane takes credentials from, in its order. */
export function loginFiles(env: Environment, home = homedir()): string[] {
  const runtime = env['XDG_RUNTIME_DIR'];
  return [
    join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
    ...(env['REGISTRY_AUTH_FILE'] === undefined ? [] : [env['REGISTRY_AUTH_FILE']]),
    ...(runtime === undefined ? [] : [join(runtime, 'containers', 'auth.json')]),
  ];
}

/** In words, which credentials this machine has for a registry: the helper that is asked, a login, or none. No secret is in it. */
export async function credentialsInWords(registry: string, env: Environment = process.env): Promise<string> {
  const files = loginFiles(env);
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const said = text === undefined ? undefined : loginIn(text, registry);
    if (said !== undefined) return `${said}, as ${file} says`;
  }
  return `no login for ${registry} in ${files.join(' or ')}`;
}

/** Pure: what a file says of a registry; undefined: nothing. */
export function loginIn(text: string, registry: string): string | undefined {
  let config: LoginConfig;
  try {
    config = JSON.parse(text) as LoginConfig;
  } catch {
    return 'the file is no JSON';
  }
  const { auths = {}, credHelpers = {}, credsStore } = config;
  const names = registry === 'docker.io' ? ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/'] : [registry];
  const helper = names.map((name) => credHelpers[name]).find((each) => each !== undefined);
  if (helper !== undefined) return `the credential helper docker-credential-${helper}`;
  // It is asked for every registry, also for one that nobody logged in to.
  if (credsStore) return `the credential helper docker-credential-${credsStore}`;
  return names.some((name) => name in auths) ? `the login for ${registry}` : undefined;
}
