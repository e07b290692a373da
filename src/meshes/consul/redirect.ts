import { ports, sidecarUid } from './names.ts';

/**
 * Rules that lead a pod's TCP connections through its sidecar, as input of `iptables-restore`: those that `consul connect
 * redirect-traffic` makes (an integration test compares them). What the sidecar itself sends leaves directly, and so does
 * what stays on loopback; the port that says whether the app is ready is open to all.
 */
export function redirectRules(): string {
  return `*nat
:CONSUL_DNS_REDIRECT - [0:0]
:CONSUL_PROXY_INBOUND - [0:0]
:CONSUL_PROXY_IN_REDIRECT - [0:0]
:CONSUL_PROXY_OUTPUT - [0:0]
:CONSUL_PROXY_REDIRECT - [0:0]
-A PREROUTING -p tcp -j CONSUL_PROXY_INBOUND
-A OUTPUT -p tcp -j CONSUL_PROXY_OUTPUT
-A CONSUL_PROXY_INBOUND -p tcp -m tcp --dport ${ports.ready} -j RETURN
-A CONSUL_PROXY_INBOUND -p tcp -j CONSUL_PROXY_IN_REDIRECT
-A CONSUL_PROXY_IN_REDIRECT -p tcp -j REDIRECT --to-ports ${ports.inbound}
-A CONSUL_PROXY_OUTPUT -m owner --uid-owner ${sidecarUid} -j RETURN
-A CONSUL_PROXY_OUTPUT -d 127.0.0.1/32 -j RETURN
-A CONSUL_PROXY_OUTPUT -j CONSUL_PROXY_REDIRECT
-A CONSUL_PROXY_REDIRECT -p tcp -j REDIRECT --to-ports ${ports.outbound}
COMMIT
`;
}
