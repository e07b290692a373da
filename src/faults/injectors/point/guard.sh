# Second container of a fault point: takes the rule out if the fault proxy is gone for whatever reason (its container was
# killed, it crashed), and at the deadline in any case. Ends by itself once the fault point has gone.
reason=
trap 'reason=asked' TERM INT
before=$(nat_digest)
mkdir -p "$MP_DIR"
echo $$ > "$MP_DIR/guard.pid"
say guard-armed "nat=$before" "deadline=$MP_GUARD_DEADLINE_S"
started=$(cut -d. -f1 /proc/uptime)
seen=
# For a point that is never started: it, and the word for it to go, have this long to come.
awaited=$((MP_GO_WITHIN_TENTHS / 10 + 60))
while [ -z "$reason" ]; do
  if listening "$MP_LISTEN_PORT"; then
    seen=yes
  # The rule comes after the listener: a rule without one is left over, even if this loop was too slow to see the listener.
  elif [ -n "$seen" ] || { rule_present && ! listening "$MP_LISTEN_PORT"; }; then
    reason=point-gone
  fi
  age=$(($(cut -d. -f1 /proc/uptime) - started))
  [ $age -lt "$MP_GUARD_DEADLINE_S" ] || reason=deadline
  [ -n "$seen" ] || [ $age -lt $awaited ] || reason=no-point
  [ -n "$reason" ] || sleep 0.2
done
# The point removes its rule before it closes its listener: a rule that is still there means it did not get to do so.
if rule_present; then left=yes; else left=no; fi
remove_rule
if rule_present; then undone=no; else undone=yes; fi
say guard-done "reason=$reason" "rule-found=$left" "undone=$undone" "nat-before=$before" "nat-after=$(nat_digest)"
