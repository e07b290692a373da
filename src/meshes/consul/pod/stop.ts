import { readFileSync, rmSync } from 'node:fs';
import { instanceId } from '../registration.ts';
import { consulServer } from './consul-server.ts';
import { variable } from './environment.ts';

/** Takes the instance out of every caller's endpoints first, then gives the token back. */
export async function stop(): Promise<void> {
  const tokenFile = variable('CONSUL_HTTP_TOKEN_FILE');
  const token = readFileSync(tokenFile, 'utf8').trim();
  using server = consulServer({ url: variable('CONSUL_HTTP_ADDR'), caFile: variable('CONSUL_CACERT') });
  try {
    await server.send('PUT', `/v1/agent/service/deregister/${instanceId(variable('POD_NAME'))}`, { token });
  } finally {
    await server.send('POST', '/v1/acl/logout', { token });
    rmSync(tokenFile);
  }
}
