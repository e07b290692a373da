import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { suggest } from '../base/yaml-file.ts';
import { findProgram, pathDirectories } from '../tools/host.ts';

/** A context of a kubeconfig, for a cluster that is somebody's. */
export interface NamedContext {
  kubeconfigPath: string;
  context: string;
}

interface UserJson {
  exec?: { command?: string; installHint?: string };
  token?: string;
  tokenFile?: string;
  'client-certificate'?: string;
  'client-certificate-data'?: string;
}

interface KubeConfigJson {
  contexts?: { name: string; context?: { cluster?: string; user?: string } }[] | null;
  clusters?: { name: string }[] | null;
  users?: { name: string; user?: UserJson }[] | null;
}

export interface ContextOptions {
  /** Default: what KUBECONFIG names, else `~/.kube/config`. */
  kubeconfig?: string | undefined;
  context: string | undefined;
  env?: NodeJS.ProcessEnv | undefined;
  /** Epoch milliseconds. */
  now?: number | undefined;
}

/**
 * The context that was named, looked at before anything is asked of its cluster: it is there once, its plugin can be found, and its
 * credentials have not run out. The current context is never taken instead: it may be another one by now.
 *
 * @throws MeshproofError MESHPROOF_USAGE for a file or a context that cannot be meant; MESHPROOF_CREDENTIALS for credentials that
 * cannot work
 */
export async function namedContext({
  kubeconfig,
  context,
  env = process.env,
  now = Date.now(),
}: ContextOptions): Promise<NamedContext> {
  const kubeconfigPath = resolve(kubeconfig ?? fromEnvironment(env));
  const config = await read(kubeconfigPath);
  const names = (config.contexts ?? []).map(({ name }) => name);
  const hint = `Contexts of ${kubeconfigPath}: ${names.join(', ') || 'none'}.`;
  if (context === undefined)
    throw usage('No context is named, and the current one is not taken unasked', `Give --context. ${hint}`);
  const found = (config.contexts ?? []).filter(({ name }) => name === context);
  const [one] = found;
  if (one === undefined)
    throw usage(`There is no context ${context} in ${kubeconfigPath}${suggest(context, names)}`, hint);
  const { cluster = '', user = '' } = one.context ?? {};
  for (const [kind, list, name] of [
    ['context', found, context],
    ['cluster', (config.clusters ?? []).filter((each) => each.name === cluster), cluster],
    ['user', (config.users ?? []).filter((each) => each.name === user), user],
  ] as const) {
    if (list.length === 1) continue;
    throw usage(
      list.length === 0
        ? `The context ${context} of ${kubeconfigPath} speaks of the ${kind} ${name}, which is not there`
        : `${kubeconfigPath} has ${list.length} ${kind}s ${name}: nobody can tell which is meant`,
      'Give a kubeconfig of its own with --kubeconfig: `kubectl config view --minify --flatten --context NAME` writes one.',
    );
  }
  const owner = config.users?.find(({ name }) => name === user)?.user ?? {};
  const at = { user, context, folder: dirname(kubeconfigPath) };
  await checkPlugin(owner, at, env);
  await checkExpiry(owner, at, now);
  return { kubeconfigPath, context };
}

function fromEnvironment(env: NodeJS.ProcessEnv): string {
  const [file = join(env['HOME'] ?? homedir(), '.kube', 'config'), ...others] = (env['KUBECONFIG'] ?? '')
    .split(delimiter)
    .filter((each) => each !== '');
  if (others.length === 0) return file;
  throw usage('KUBECONFIG names several files', 'Give the one that is meant with --kubeconfig.');
}

async function read(path: string): Promise<KubeConfigJson> {
  try {
    const config = parse(await readFile(path, 'utf8')) as unknown;
    if (typeof config === 'object' && config !== null) return config;
  } catch (error) {
    throw usage(`Cannot use ${path}: ${messageOf(error)}`, 'Give a kubeconfig with --kubeconfig.');
  }
  throw usage(`Cannot use ${path}: it is no kubeconfig`, 'Give a kubeconfig with --kubeconfig.');
}

interface Place {
  user: string;
  context: string;
  folder: string;
}

async function checkPlugin({ exec }: UserJson, { user, folder }: Place, env: NodeJS.ProcessEnv): Promise<void> {
  const { command, installHint } = exec ?? {};
  if (command === undefined) return;
  // As kubectl: a path is relative to the file, a bare name is looked for.
  const isPath = command.includes('/');
  const folders = isPath ? [isAbsolute(command) ? '/' : folder] : pathDirectories(env);
  if ((await findProgram(isPath ? command.replace(/^\/+/, '') : command, folders)) !== undefined) return;
  throw new MeshproofError(
    'MESHPROOF_CREDENTIALS',
    `The user ${user} logs in with the plugin ${command}, which is not on this machine`,
    installHint?.trim() || `Install ${command}, or give a kubeconfig with a token or a certificate.`,
  );
}

async function checkExpiry(owner: UserJson, { user, folder }: Place, now: number): Promise<void> {
  const expired = (what: string, at: number): MeshproofError =>
    new MeshproofError(
      'MESHPROOF_CREDENTIALS',
      `The ${what} of the user ${user} expired at ${new Date(at).toISOString()}`,
      'Log in again, or have a new kubeconfig made (`kubectl create token` for a service account).',
    );
  const file = (path: string): Promise<string> =>
    readFile(resolve(folder, path), 'utf8').catch((error: unknown) => {
      throw usage(`Cannot read ${path} of the user ${user}: ${messageOf(error)}`, 'Mend the kubeconfig.');
    });
  const { token, tokenFile, 'client-certificate': path, 'client-certificate-data': data } = owner;
  const tokenEnd = tokenExpiry(token ?? (tokenFile === undefined ? '' : await file(tokenFile)));
  if (tokenEnd !== undefined && tokenEnd < now) throw expired('token', tokenEnd);
  const pem = data === undefined ? path && (await file(path)) : Buffer.from(data, 'base64').toString();
  const certificateEnd = pem && certificateExpiry(pem);
  if (certificateEnd && certificateEnd < now) throw expired('certificate', certificateEnd);
}

/** Of a JWT that says when it ends, in epoch milliseconds. */
function tokenExpiry(token: string): number | undefined {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: number };
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for what is no certificate: the API server says that better. */
function certificateExpiry(pem: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(pem).validTo);
  } catch {
    return undefined;
  }
}

function usage(message: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_USAGE', message, hint);
}
