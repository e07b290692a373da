import { Agent as HttpAgent, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent';
import { SocksProxyAgent } from 'socks-proxy-agent';

/**
 * One agent with kept connections for all calls to a server, through its proxy if it has one: the agents are those that
 * client-node uses for websockets. client-node itself makes a new one for every request (its issue 2893).
 *
 * @param options certificates and keys as client-node read them from the kubeconfig
 */
export function agentFor(server: URL, proxy: string | undefined, options: RequestOptions): HttpAgent {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options as AgentOptions;
  const tls = {
    ca,
    cert,
    key,
    pfx,
    passphrase,
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
  const isTls = server.protocol === 'https:';
  const common = { keepAlive: true, maxSockets: 32, ...(isTls ? tls : {}) };
  if (proxy?.startsWith('socks')) return new SocksProxyAgent(proxy, common);
  if (proxy !== undefined)
    return isTls ? new HttpsProxyAgent({ ...common, proxy }) : new HttpProxyAgent({ ...common, proxy });
  return isTls ? new HttpsAgent(common) : new HttpAgent(common);
}
