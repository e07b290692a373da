import { nice, sessionFile } from './priority.ts';

/** Directories the node gets for itself: programs of a node have these paths built in, and two labs must not share them. */
const ownDirectories = ['/run', '/var/lib', '/var/log'];

/** A word for /bin/sh that means exactly this text. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The first process of a node (pid 1 of its namespaces). It hides the host's /run, /var/lib and /var/log behind empty
 * file systems, keeps the directories it needs if they were below one of them, and then starts what it is told to over
 * a FIFO: one component a line, `wait` at the end. It ends when it is killed, and everything in the node with it.
 */
export function initScript(options: { dir: string; keep: string[]; hostname: string }): string {
  const { dir, hostname } = options;
  const hidden = options.keep.filter((path) => ownDirectories.some((own) => `${path}/`.startsWith(`${own}/`)));
  const word = shellWord;
  return `#!/bin/sh
set -eu
umask 022
# Still the host's /proc: this is the pid by which the host knows the node.
read -r pid rest < /proc/self/stat
echo "$pid" > ${word(`${dir}/init.pid`)}
# The node is a session of its own, and goes before its pods as one (priority.ts); not allowed everywhere.
[ ! -w ${sessionFile} ] || { echo ${nice} > ${sessionFile}; } 2>/dev/null || :
# unshare has made every mount private.
${hidden.map((path, index) => `exec ${index + 5}< ${word(path)}`).join('\n')}
${ownDirectories.map((path) => `mount -t tmpfs -o mode=755 tmpfs ${path}`).join('\n')}
${hidden.map((path, index) => `mkdir -p ${word(path)}\nmount --rbind /proc/self/fd/${index + 5} ${word(path)}\nexec ${index + 5}<&-`).join('\n')}
mount -t proc proc /proc
mkdir -p /run/lock /run/containerd /run/etcd /var/lib/cni /var/lib/kubelet /var/log/pods /var/log/containers
chmod 700 /run/containerd /run/etcd
mount --bind ${word(`${dir}/kubelet`)} /var/lib/kubelet
mount --bind ${word(`${dir}/pod-logs`)} /var/log/pods
# The kubelet hands mounts on to containers that ask for mount propagation.
mount --make-rshared /
hostname ${word(hostname)}
echo 1 > /proc/sys/net/ipv4/ip_forward
exec 4<> ${word(`${dir}/control`)}
: > ${word(`${dir}/ready/init`)}
while read -r name <&4; do
  [ "$name" = wait ] && break
  (
    exec 4<&-
    code=0
    /bin/sh ${word(dir)}"/start/$name" > ${word(dir)}"/log/$name.log" 2>&1 || code=$?
    echo "$code" > ${word(dir)}"/ended/$name"
  ) &
done
# As pid 1 this also buries the containers' orphans.
wait
`;
}

/** The start script of a component: one exec, so that signals and exit codes are its own. */
export function startScript(argv: readonly string[], cwd?: string): string {
  return `${cwd === undefined ? '' : `cd ${shellWord(cwd)}\n`}exec ${argv.map(shellWord).join(' ')}\n`;
}
