import { expect } from 'chai';
import { judgeAnalysis, parseAnalysis } from '../../../../src/meshes/istio/analysis.ts';
import { judgeProxyStatus, parseProxyStatus } from '../../../../src/meshes/istio/proxy-status.ts';

// As istioctl prints them (1.31 development snapshot); shortened.
const messages = `[
	{
		"code": "IST0101",
		"documentationUrl": "https://istio.io/latest/docs/reference/config/analysis/ist0101/?ref=istioctl-analyze",
		"level": "Error",
		"message": "Referenced host not found: nowhere",
		"origin": "VirtualService web.shop",
		"reference": ""
	},
	{
		"code": "IST0118",
		"level": "Info",
		"message": "Port name http (port: 80, targetPort: 8080) doesn't follow the naming convention of Istio port.",
		"origin": "Service web.shop"
	}
]
`;

describe('what istioctl analyze says', () => {
  it('is a check for each code of an error, with its page', () => {
    const { problems, findings } = judgeAnalysis(parseAnalysis(messages));
    expect(problems).to.deep.equal([]);
    expect(findings).to.deep.equal([
      {
        id: 'mesh/IST0101',
        title: 'istioctl analyze: IST0101',
        observed: 'IST0101 (Error) VirtualService web.shop: Referenced host not found: nowhere',
        hint: 'https://istio.io/latest/docs/reference/config/analysis/ist0101/?ref=istioctl-analyze',
      },
    ]);
  });

  it('is no sickness where it is no error, and is told', () => {
    const { findings, fine } = judgeAnalysis(parseAnalysis(messages).slice(1));
    expect(findings).to.deep.equal([]);
    expect(fine).to.match(/^no error; 1 other message: IST0118 \(Info\) Service web\.shop: Port name/);
  });

  it('may be nothing', () => {
    for (const output of ['null\n', '[]', '']) {
      const { findings, fine } = judgeAnalysis(parseAnalysis(output));
      expect(findings).to.deep.equal([]);
      expect(fine).to.equal('no message');
    }
  });
});

describe('what istioctl proxy-status says', () => {
  const type = (name: string): string => `type.googleapis.com/envoy.config.${name}`;
  const reply = (status: string): string =>
    JSON.stringify(
      {
        versionInfo: '2026-11-26T12:00:00Z',
        resources: [
          {
            '@type': 'type.googleapis.com/envoy.service.status.v3.ClientConfig',
            node: { id: 'web-1.shop', metadata: {} },
            genericXdsConfigs: [
              { typeUrl: type('cluster.v3.Cluster'), configStatus: 'SYNCED' },
              { typeUrl: type('listener.v3.Listener'), configStatus: status },
              { typeUrl: type('core.v3.TypedExtensionConfig') },
            ],
          },
        ],
      },
      undefined,
      4,
    );

  it('passes when every proxy has taken what it was sent', () => {
    expect(judgeProxyStatus(parseProxyStatus(reply('SYNCED')))).to.include({ fine: '1 proxies' });
    expect(judgeProxyStatus(parseProxyStatus(reply('NOT_SENT'))).problems).to.deep.equal([]);
  });

  for (const status of ['STALE', 'ERROR'])
    it(`names the proxy and the kind that is ${status}, of every istiod`, () => {
      const both = `${reply('SYNCED')}\n${reply(status)}\n`;
      expect(judgeProxyStatus(parseProxyStatus(both)).problems).to.deep.equal([`web-1.shop: Listener is ${status}`]);
    });

  it('leaves out what is no business of the lab: proxies of other namespaces', () => {
    const stale = parseProxyStatus(reply('STALE'));
    expect(judgeProxyStatus(stale, 'shop').problems).to.have.length(1);
    const sick = stale.map((proxy) => ({
      ...proxy,
      node: { id: 'sidecar~10.0.0.9~till-1.bank~bank.svc.cluster.local' },
    }));
    const fine = parseProxyStatus(reply('SYNCED'));
    expect(judgeProxyStatus([...sick, ...fine], 'shop')).to.deep.include({ problems: [], fine: '1 proxies' });
    expect(judgeProxyStatus(sick, 'shop').problems).to.deep.equal(['istiod knows no proxy']);
  });

  it('says nothing good of an istiod that knows nobody', () => {
    expect(judgeProxyStatus(parseProxyStatus('{ "versionInfo": "x" }')).problems).to.have.length(1);
  });
});
