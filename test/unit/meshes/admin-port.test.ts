import { expect } from 'chai';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { AdminPort } from '../../../src/meshes/admin-port.ts';

const pod = { namespace: 'shop', name: 'web-1' };
const broke = () =>
  new KubeApiError({ call: 'GET', httpStatus: 0, reason: 'PortForwardFailed', message: 'socket hang up' });

describe('the admin port of a proxy', () => {
  /** @param replies an error is thrown */
  const portOf = (replies: (Error | { status: number; body: string })[]) => {
    const asked: string[] = [];
    const kube = {
      podHttp: async (_pod: unknown, _port: number, path: string, { method }: { method: string }) => {
        asked.push(`${method} ${path}`);
        const reply = replies.shift()!;
        if (reply instanceof Error) throw reply;
        return reply;
      },
    } as unknown as KubeClient;
    return { port: new AdminPort(kube, 15000), asked };
  };

  it('is read again where the connection broke, a few times', async () => {
    const { port, asked } = portOf([broke(), broke(), { status: 200, body: 'fine' }]);
    expect(await port.text(pod, '/stats')).to.equal('fine');
    expect(asked).to.deep.equal(['GET /stats', 'GET /stats', 'GET /stats']);
    const gone = portOf([broke(), broke(), broke(), { status: 200, body: 'too late' }]);
    expect(await gone.port.text(pod, '/stats').catch((error: Error) => error.message)).to.contain('socket hang up');
  });

  it('is not asked twice to do something, nor for what the proxy itself refuses', async () => {
    const { port, asked } = portOf([broke()]);
    expect(await port.send(pod, '/quit', 'POST').catch((error: Error) => error.message)).to.contain('socket hang up');
    const refused = portOf([{ status: 404, body: '' }]);
    expect(await refused.port.text(pod, '/x').catch((error: Error) => error.message)).to.contain('answered 404');
    expect([asked, refused.asked]).to.deep.equal([['POST /quit'], ['GET /x']]);
  });
});
