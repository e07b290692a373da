# First process of the load container (busybox sh): waits at the gate, runs k6, and says when its files are complete:
# samples.csv, summary.json, tail.txt (the end of its output).
set -u
cd "$MP_WORK"
say() { printf 'meshproof %s\n' "$*"; }
stopped=
k6=
trap 'stopped=yes; [ -z "$k6" ] || kill -INT "$k6" 2>/dev/null' TERM INT
echo $$ > load.pid
say waiting
until [ -e gate ]; do
  [ -z "$stopped" ] || { say exited code=143; exit 0; }
  sleep 0.05
done
: > samples.csv
: > summary.json
k6 run --quiet --no-color --no-usage-report --address '' --log-format raw --console-output samples.csv "$MP_SCRIPT" >output.txt 2>&1 &
k6=$!
echo $k6 > k6.pid
# A trapped signal ends `wait` early: k6 still has its summary to write.
while kill -0 $k6 2>/dev/null; do
  wait $k6
  code=$?
done
tail -n 200 output.txt | cut -c 1-500 > tail.txt
touch exited
say exited "code=$code"
# Its files are read through exec, which needs a container that runs. Stays until it is deleted: with its last container the pod would lose its network, under captures that still run, and its
# sidecar, whose metrics are still to be read. Not for ever, should nobody be left to delete it.
stopped=
turns=3000
until [ -n "$stopped" ] || [ "$turns" = 0 ]; do
  sleep 0.2
  turns=$((turns - 1))
done
