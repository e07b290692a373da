import { podProgram, ports, serverHost, volumes } from './names.ts';

const { state, config, identity } = volumes;

/** Environment of the pod program, and of a `consul` called by hand; the token itself stays in a file on memory. */
export const consulEnv = {
  CONSUL_HTTP_ADDR: `https://${serverHost}:${ports.https}`,
  CONSUL_CACERT: `${config.path}/ca.pem`,
  CONSUL_HTTP_TOKEN_FILE: `${state.path}/token`,
  IDENTITY_TOKEN_FILE: `${identity.path}/token`,
};

/**
 * The sidecar. Envoy is started again when it ended by request (exit code 0, \`/quitquitquit\`) so that a fresh
 * handshake costs milliseconds and not kubelet's back-off; a crash ends the container, for kubelet to see and count.
 */
export function sidecarScript(): string {
  return `trap 'stopping=1; kill -TERM $pid 2>/dev/null' TERM
stopping=
while [ -z "$stopping" ]; do
  # A changed listener keeps serving its old connections by its old rules for the drain time, 10 minutes by default.
  envoy -c ${state.path}/bootstrap.json --concurrency 1 --disable-hot-restart --log-level warning \\
    --drain-time-s 1 --drain-strategy immediate &
  pid=$!
  wait $pid; code=$?
  while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done
  [ $code -eq 0 ] || [ -n "$stopping" ] || exit $code
done
`;
}

/** Ends when Envoy has its listeners: one probe that waits, since kubelet asks at most once a second. */
export function startupScript(): string {
  return `until wget -q -O - http://127.0.0.1:${ports.admin}/listeners 2>/dev/null | grep -q ':${ports.outbound}'; do sleep 0.05; done`;
}

/** The pod program (pod/main.ts). */
export function podCommand(name: 'init' | 'stop'): string[] {
  return ['/usr/bin/node', podProgram, name];
}
