# Shared by the fault point and its guard; both are `busybox sh`, so every tool but envoy, iptables and ss is an applet.
# Settings come as MP_… variables. Every fact for the harness is a line `meshproof <event> key=value…` on standard output.
set -u

say() { printf 'meshproof %s\n' "$*"; }

nat() { iptables -w 5 -t nat "$@"; }

# Only the sidecar's own connections (by uid) to the app's port, over loopback: the fault proxy runs as another uid, so it cannot loop.
rule="OUTPUT -o $MP_OUT_INTERFACE -p tcp -m owner --uid-owner $MP_SIDECAR_UID -m tcp --dport $MP_APP_PORT -m comment --comment meshproof:$MP_ID -j REDIRECT --to-ports $MP_LISTEN_PORT"

rule_present() { nat -C $rule 2>/dev/null; }

# Safe to call at any time, by anyone, twice.
remove_rule() { while nat -D $rule 2>/dev/null; do :; done; }

# Every nat rule of the pod but meshproof's own, as one short word: before and after must be equal.
nat_digest() { iptables-save -t nat | grep '^-A' | grep -v "meshproof:$MP_ID" | sha256sum | cut -c 1-16; }

# 127.0.0.1:port in state LISTEN, as /proc/net/tcp writes it.
listening() { grep -qi " 0100007F:$(printf %04X "$1") 00000000:0000 0A " /proc/net/tcp; }
