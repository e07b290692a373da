import { authMethod, ports, serverHost, sidecarUid, volumes } from './names.ts';
import { instanceId, proxyId } from './registration.ts';

const { state, config, identity } = volumes;
export const tokenFile = `${state.path}/token`;
const server = `https://${serverHost}:${ports.https}`;

/** Environment of every `consul` call in a pod; the token itself stays in a file on memory. */
export const consulEnv = {
  CONSUL_HTTP_ADDR: server,
  CONSUL_CACERT: `${config.path}/ca.pem`,
  CONSUL_HTTP_TOKEN_FILE: tokenFile,
};

/**
 * The init container: logs in with the pod's own service account, registers, writes Envoy's bootstrap and redirects the
 * pod's traffic. Everything before the redirect leaves the pod directly.
 */
export function initScript(): string {
  return `set -eu
umask 077
say() { echo "mesh-init: $*"; }
cd ${state.path}

# Until the control plane answers and knows the auth method, a login fails; so does one before the account is known.
tries=0
until CONSUL_HTTP_TOKEN_FILE= consul login -method=${authMethod} -bearer-token-file=${identity.path}/token \\
    -token-sink-file=token -meta "pod-uid=$POD_UID" -meta "pod=$POD_NAMESPACE/$POD_NAME" 2>login.err; do
  tries=$((tries + 1))
  if [ $tries -ge 60 ]; then say "cannot log in:"; cat login.err; exit 1; fi
  sleep 0.5
done

if [ -n "\${SERVICE_NAME:-}" ]; then
  tries=0
  # The first search domain is the namespace's; nslookup itself knows nothing of search domains.
  host="$SERVICE_NAME.$(awk '/^search/ { print $2 }' /etc/resolv.conf)."
  until VIRTUAL_IP=$(nslookup "$host" 2>/dev/null | awk '/^Name:/ { found = 1 } found && /^Address/ { print $NF; exit }') &&
      [ -n "$VIRTUAL_IP" ]; do
    tries=$((tries + 1))
    if [ $tries -ge 60 ]; then say "no address for $host"; exit 1; fi
    sleep 0.5
  done
else
  VIRTUAL_IP=
fi

# Written only if nobody has: a policy that is in force must not be undone by a pod that starts.
printf '%s' "$SERVICE_DEFAULTS" > defaults.json
consul config write -cas -modify-index=0 defaults.json >defaults.out 2>&1 ||
  grep -qi 'not updated' defaults.out || { cat defaults.out; exit 1; }

printf '%s' "$REGISTRATION" | sed -e "s|\\\${POD_IP}|$POD_IP|g" -e "s|\\\${POD_NAME}|$POD_NAME|g" \\
  -e "s|\\\${POD_UID}|$POD_UID|g" -e "s|\\\${POD_NAMESPACE}|$POD_NAMESPACE|g" -e "s|\\\${VIRTUAL_IP}|$VIRTUAL_IP|g" > service.json
consul services register service.json

consul connect envoy -proxy-id "${proxyId('$POD_NAME')}" -admin-bind 127.0.0.1:${ports.admin} \\
  -grpc-addr https://${serverHost}:${ports.xds} -grpc-ca-file "$CONSUL_CACERT" \\
  -ignore-envoy-compatibility -bootstrap > bootstrap.json
chown ${sidecarUid} . token bootstrap.json

consul connect redirect-traffic -proxy-uid ${sidecarUid} -proxy-inbound-port ${ports.inbound} \\
  -proxy-outbound-port ${ports.outbound} -exclude-inbound-port ${ports.ready}
say "registered as ${instanceId('$POD_NAME')}, virtual address \${VIRTUAL_IP:-none}"
`;
}

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

/** Takes the instance out of every caller's endpoints first, then gives the token back. */
export function stopScript(): string {
  return `consul services deregister -id "${instanceId('$POD_NAME')}"; consul logout; rm -f ${tokenFile}`;
}
