# First process of the fault point: starts the fault proxy, turns the sidecar's way to the app through it, and takes all of
# it back when asked (USR1), when the pod is deleted (TERM), when the dead-man timer fires, or when the proxy dies.
mkdir -p "$MP_DIR"
ledger=$MP_DIR/ledger.ndjson
reason=
leave=
trap 'reason=asked' USR1
trap 'reason=asked; leave=yes' TERM INT
trap 'reason=deadman' USR2
trap remove_rule EXIT
echo $$ > "$MP_DIR/point.pid"

admin() { wget -q -O - --post-data='' "http://127.0.0.1:$MP_ADMIN_PORT/$1" 2>/dev/null; }
stat() { admin "stats?filter=^$1\$" | sed 's/.*: //'; }
fail() { remove_rule; say failed "$*"; tail -n 5 "$MP_DIR/envoy.log" 2>/dev/null | cut -c 1-300; exit 1; }
# The faults' shares, overridden at run time: 0 is off, nothing is what the configuration says.
faults() { admin "runtime_modify?fault.http.abort.abort_percent=$1&fault.http.delay.fixed_delay_percent=$1" >/dev/null; }
calibrate() { # a request of our own that never reaches the app; `exec` as second argument leaves one process to kill
  ${2:-} wget -q -O /dev/null --header "x-meshproof-request-id: meshproof-calibration-$1" "http://127.0.0.1:$MP_LISTEN_PORT/.meshproof/calibration" 2>/dev/null || :
}
# An instant on the ledger's own clock: what began between `start` and `end` met the fault.
mark() { wget -q -O /dev/null --header "x-meshproof-request-id: meshproof-mark-$1" "http://127.0.0.1:$MP_LISTEN_PORT/.meshproof/mark" 2>/dev/null || :; }
to_app() { ss -Htn state established "( dst 127.0.0.1 or dst $MP_POD_IP )" dport = ":$MP_APP_PORT" | awk '{print $3}' | sort; }

for tool in envoy iptables iptables-save ss; do command -v $tool >/dev/null || fail "reason=missing-tool tool=$tool"; done
nat -S OUTPUT >/dev/null 2>"$MP_DIR/envoy.log" || fail reason=iptables-does-not-work
if listening "$MP_LISTEN_PORT"; then fail reason=port-in-use; fi

: > "$ledger"
envoy --config-yaml "$MP_ENVOY_CONFIG" --disable-hot-restart --concurrency 1 --file-flush-interval-msec 100 \
  --log-level warning --drain-time-s 60 --drain-strategy immediate >"$MP_DIR/envoy.log" 2>&1 &
envoy=$!
tries=0
until [ "$(wget -q -O - "http://127.0.0.1:$MP_ADMIN_PORT/ready" 2>/dev/null)" = LIVE ]; do
  kill -0 $envoy 2>/dev/null || fail reason=proxy-died
  tries=$((tries + 1))
  [ $tries -lt 400 ] || fail reason=proxy-not-ready
  [ -z "$reason" ] || break
  sleep 0.05
done

if [ -z "$reason" ]; then
  faults 0 || fail reason=admin-does-not-answer
  for i in 1 2 3; do calibrate "off-$i"; done
  # Nothing is changed before the word to go: whoever wanted this fault may have given it up while the container was started.
  say armed
  turns=$((MP_GO_WITHIN_TENTHS * 2))
  until [ -e "$MP_DIR/go" ] || [ -n "$reason" ]; do
    turns=$((turns - 1))
    [ $turns -gt 0 ] || fail reason=too-late
    sleep 0.05
  done
fi

if [ -z "$reason" ]; then
  # The timer is a process of its own: it does not need this shell or the proxy to work.
  (
    trap - INT USR1 USR2 EXIT
    sleep "$MP_DEADMAN_S" &
    trap "kill $!; exit" TERM
    wait $!
    remove_rule
    kill -USR2 $$
  ) &
  timer=$!
  nat -I $rule 2>"$MP_DIR/envoy.log" || fail reason=rule-refused
  # Connections that are older than the rule escape it: end them. With in-kernel support (INET_DIAG_DESTROY) that takes one call.
  old=$(to_app)
  [ -z "$old" ] || ss -K -t state established "( dst 127.0.0.1 or dst $MP_POD_IP )" dport = ":$MP_APP_PORT" >/dev/null 2>&1
  now=$(to_app)
  left=0
  killed=0
  for peer in $old; do
    case " $(echo $now) " in *" $peer "*) left=$((left + 1)) ;; *) killed=$((killed + 1)) ;; esac
  done
  faults '' || fail reason=admin-does-not-answer
  mark start
  say active "old-connections-ended=$killed" "old-connections-left=$left"
  # Spread over time: one busy moment of the machine must not decide how long the delay is said to be.
  (
    trap - INT USR1 USR2 EXIT
    trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
    i=0
    while [ $i -lt 40 ]; do
      i=$((i + 1))
      calibrate "on-$i" exec &
      sleep 0.5 &
      wait $!
    done
    wait
  ) &
  calibrator=$!
fi

# A trapped signal ends `wait` early, without the proxy having ended.
while [ -z "$reason" ]; do
  wait $envoy
  if ! kill -0 $envoy 2>/dev/null; then reason=${reason:-proxy-died}; fi
done

if rule_present; then present=yes; else present=no; fi
[ "$reason" = proxy-died ] || mark end
remove_rule
[ -z "${timer:-}" ] || kill "$timer" "$calibrator" 2>/dev/null
[ "$reason" = proxy-died ] || faults 0
if rule_present; then undone=no; else undone=yes; fi
say ended "reason=$reason" "rule-found=$present" "undone=$undone"

# Connections that were turned here stay here until they end: answer what is under way, with `Connection: close`. One that is
# closed from here may meet a request that is just being sent, and fail it: wait until none is left.
if [ "$reason" != proxy-died ]; then
  admin 'drain_listeners?graceful&skip_exit' >/dev/null
  tries=0
  while [ $tries -lt "$MP_DRAIN_TENTHS" ] && [ "$(stat http.fault.downstream_cx_active)" != 0 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  admin quitquitquit >/dev/null
  while kill -0 $envoy 2>/dev/null; do wait $envoy; done
fi
[ ! -s "$MP_DIR/envoy.log" ] || head -n 20 "$MP_DIR/envoy.log" | cut -c 1-300

# Stays until its ledger was collected, which needs a container that runs; not for ever, should nobody be left to do it.
say ledger "lines=$(grep -c . "$ledger")"
[ -n "${timer:-}" ] || leave=yes # it was never in force
turns=$MP_LEDGER_TENTHS
until [ -n "$leave" ] || [ -e "$MP_DIR/collected" ] || [ "$turns" -le 0 ]; do
  turns=$((turns - 1))
  sleep 0.1
done
