import { defineGroup } from './define-capability.ts';

const goldenSignals = { claim: 'golden-signals', protocol: 'http' } as const;

export const observability = defineGroup('observability', {
  'signals-of-services': { title: 'Golden signals of every service', proof: goldenSignals },
  'signals-of-edges': { title: 'Golden signals of every edge', proof: goldenSignals },
  'signals-of-routes': 'Golden signals of every route',
  rates: { title: 'Success rate, errors per second, requests per second', proof: goldenSignals },
  quantiles: { title: 'P50, P95, P99', proof: goldenSignals },
  saturation: { title: 'Saturation of apps and proxies', proof: goldenSignals },
  trace: 'Time in each service of one request (trace)',
  'trace-headers': 'Trace headers through the proxies',
  dashboards: 'Dashboards',
  alerts: 'Alerts that fire',
  tap: 'Live traffic (tap)',
  'secured-edges': { title: 'Which edges are secured', proof: { claim: 'mutual-tls' } },
});
