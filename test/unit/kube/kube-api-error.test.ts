import { expect } from 'chai';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';

describe('what an API server says that nobody answers', () => {
  const said = (message: string): KubeApiError =>
    new KubeApiError({ call: 'POST pods', httpStatus: 500, reason: 'InternalError', message });

  it('is named where an admission webhook is down, and tried again: it may be rolled out', () => {
    const error = said(
      'Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod"',
    );
    expect(error.hint).to.match(/webhook namespace\.sidecar-injector\.istio\.io is down/);
    expect(error.retryable).to.equal(true);
    expect(said('etcd is gone').hint).not.to.include('webhook');
  });
});
