# First process of the load container (busybox sh): one k6 after the other. A load is a folder with load.js and plan.json; its
# name, written to the gate, starts it; after the name may stand when its requests are to begin (epoch ms). Its files are complete when `exited` was said with that name: samples.csv,
# summary.json, tail.txt (the end of k6's output).
set -u
cd "$MP_WORK"
say() { printf 'meshproof %s\n' "$*"; }
stopped=
k6=
trap 'stopped=yes; [ -z "$k6" ] || kill -INT "$k6" 2>/dev/null' TERM INT
echo $$ > load.pid
[ -p gate ] || mkfifo gate
# Open for writing too: else it would end with its first writer.
exec 3<>gate
say waiting
# Stays after a load, for the next one, and because its files are read through exec: with its last container the pod would
# lose its network, under captures that still run, and its sidecar, whose metrics are still to be read. Waits without turning,
# as others measure meanwhile; not for ever, should nobody be left to delete it.
while [ -z "$stopped" ] && read -t 3600 -r load begin_at <&3; do
  cd "$MP_WORK/$load" || continue
  : > samples.csv
  : > summary.json
  MP_BEGIN_AT=$begin_at k6 run --quiet --no-color --no-usage-report --address '' --log-format raw --console-output samples.csv load.js >output.txt 2>&1 3<&- &
  k6=$!
  echo $k6 > k6.pid
  # A trapped signal ends `wait` early: k6 still has its summary to write.
  while kill -0 $k6 2>/dev/null; do
    wait $k6
    code=$?
  done
  k6=
  stopped=
  tail -n 200 output.txt | cut -c 1-500 > tail.txt
  touch exited
  say exited "load=$load" "code=$code"
done
