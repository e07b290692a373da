import { expect } from 'chai';
import { proxyFromEnvironment } from '../../../src/kube/proxy.ts';

const proxy = 'http://proxy:3128';

describe('the proxy that the environment names', () => {
  // By golang.org/x/net/http/httpproxy, which kubectl uses.
  const cases: [string, Record<string, string>, string, string | undefined][] = [
    ['nothing set', {}, 'https://api.example:6443', undefined],
    ['HTTPS_PROXY', { HTTPS_PROXY: proxy }, 'https://api.example:6443', proxy],
    ['in lower case', { https_proxy: proxy }, 'https://api.example:6443', proxy],
    ['empty', { HTTPS_PROXY: '', https_proxy: proxy }, 'https://api.example', proxy],
    ['HTTP_PROXY is not for https', { HTTP_PROXY: proxy }, 'https://api.example', undefined],
    ['HTTP_PROXY', { HTTP_PROXY: proxy }, 'http://api.example', proxy],
    ['without a scheme', { HTTPS_PROXY: 'proxy:3128' }, 'https://api.example', proxy],
    ['socks', { HTTPS_PROXY: 'socks5://p:1080' }, 'https://api.example', 'socks5://p:1080'],
    ['localhost', { HTTPS_PROXY: proxy }, 'https://localhost:6443', undefined],
    ['loopback', { HTTPS_PROXY: proxy }, 'https://127.0.3.1:6443', undefined],
    ['loopback, IPv6', { HTTPS_PROXY: proxy }, 'https://[::1]:6443', undefined],
  ];
  for (const [what, env, server, expected] of cases) {
    it(`${what}: ${server}`, () => {
      expect(proxyFromEnvironment(new URL(server), env)).to.equal(expected);
    });
  }

  const exceptions: [string, string, boolean][] = [
    ['*', 'https://api.example', true],
    ['example', 'https://api.example', true],
    ['api.example', 'https://api.example', true],
    ['pi.example', 'https://api.example', false],
    ['.example', 'https://api.example', true],
    ['.api.example', 'https://api.example', false],
    ['*.example', 'https://api.example', true],
    ['*.api.example', 'https://api.example', false],
    ['API.Example', 'https://api.example', true],
    ['other, api.example', 'https://api.example', true],
    ['api.example:6443', 'https://api.example:6443', true],
    ['api.example:443', 'https://api.example:6443', false],
    ['api.example:443', 'https://api.example', true],
    ['10.0.0.0/8', 'https://10.1.2.3:6443', true],
    ['10.0.0.0/8', 'https://11.1.2.3:6443', false],
    ['10.0.0.0/8', 'https://api.example', false],
    ['10.1.2.3', 'https://10.1.2.3:6443', true],
    ['10.1.2.3:6443', 'https://10.1.2.3:6443', true],
    ['10.1.2.3:443', 'https://10.1.2.3:6443', false],
    ['fd00::/8', 'https://[fd12::1]:6443', true],
    ['fd00::/8', 'https://[fe80::1]:6443', false],
    ['fd12::1', 'https://[fd12::1]:6443', true],
    ['[fd12::1]:6443', 'https://[fd12::1]:6443', true],
    ['[fd12::1]:443', 'https://[fd12::1]:6443', false],
    [',,', 'https://api.example', false],
  ];
  for (const [entry, server, bypassed] of exceptions) {
    it(`NO_PROXY=${entry} ${bypassed ? 'covers' : 'does not cover'} ${server}`, () => {
      const found = proxyFromEnvironment(new URL(server), { HTTPS_PROXY: proxy, NO_PROXY: entry });
      expect(found).to.equal(bypassed ? undefined : proxy);
    });
  }
});
