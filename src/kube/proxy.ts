import { BlockList, isIP, isIPv4 } from 'node:net';

export type Environment = Record<string, string | undefined>;

/**
 * The proxy that the environment names for a server, undefined for none: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or
 * in lower case), by the rules that kubectl follows: https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config. Loopback
 * never goes through one.
 */
export function proxyFromEnvironment(server: URL, env: Environment): string | undefined {
  const value = (name: string): string => (env[name] || env[name.toLowerCase()] || '').trim();
  const proxy = value(server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (proxy === '') return undefined;
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  if (isLoopback(host)) return undefined;
  const exceptions = value('NO_PROXY')
    .split(',')
    .map((entry) => entry.trim().toLowerCase());
  if (exceptions.some((entry) => entry !== '' && covers(entry, host, port))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** One entry of NO_PROXY: `*`, a range, an address or a name, the last two with or without a port. */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, network = '', bits = ''] = /^(.+)\/(\d+)$/.exec(entry) ?? [];
  if (isIP(network)) return isIP(host) === isIP(network) && rangeOf(network, Number(bits)).check(host, familyOf(host));
  const [, name = entry, onlyPort] = /^(?:\[)?(.+?)(?:\])?:(\d+)$/.exec(isIP(entry) ? '' : entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== port) return false;
  if (isIP(name)) return name === host;
  // A leading dot, as in `.example.com` or `*.example.com`, leaves out the name itself.
  const suffix = name.replace(/^\*\./, '.');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function rangeOf(network: string, bits: number): BlockList {
  const list = new BlockList();
  list.addSubnet(network, bits, familyOf(network));
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
