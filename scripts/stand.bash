# What the checks with programs of others stand on; to be sourced. Afterwards the working folder is a temporary one that
# goes with the script, and every process that `begin` started ends with it.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/wasup"
work="$(mktemp -d)"
children=()
cleanup() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

# Starts a command with its outputs in NAME.out and NAME.err.
begin() { # NAME COMMAND...
    local name="$1"
    shift
    # Here and not by the process itself, which may begin after somebody looks for its first line.
    : >"$name.out" 2>"$name.err"
    "$@" >"$name.out" 2>"$name.err" &
    children+=($!)
}

# Waits until a file holds a line that matches, and prints what the pattern takes out of it.
line() { # FILE PATTERN
    local found
    for _ in $(seq 400); do
        found="$(sed -nE "s|.*$2.*|\1|p" "$1" 2>/dev/null | head -n 1)" || true
        if [[ -n "$found" ]]; then echo "$found"; return; fi
        sleep 0.05
    done
    tail -n 20 ./*.out ./*.err ./*.log >&2 2>/dev/null || true
    return 1
}

# Runs a command that takes `--out FILE`, and prints what it put there.
run() { # NAME COMMAND...
    local name="$1" status=0
    shift
    "$@" --out "$work/$name.json" >"$work/$name.log" 2>&1 || status=$?
    if [[ -f "$work/$name.json" ]]; then cat "$work/$name.json"; else cat "$work/$name.log" >&2; fi
    if [[ $status -ne 0 ]]; then grep -hE 'WARN|ERROR' "$work/gateway.err" >&2 || true; fi
    return "$status"
}

# Installs what a package.json and its lock file name into a folder, unless that has been done.
install_locked() { # FROM TO
    if cmp -s "$1/package-lock.json" "$2/node_modules/.wasup-lock"; then return; fi
    mkdir -p "$2"
    if [[ "$1" != "$2" ]]; then cp "$1/package.json" "$1/package-lock.json" "$2"; fi
    (cd "$2" && npm ci --no-audit --no-fund --silent && cp package-lock.json node_modules/.wasup-lock)
}

# A sandbox and a gateway over it, on free ports: $control, $api and $key say how to reach them. More of the gateway's
# settings may stand in the environment.
stand() {
    # The whole workspace's features, and an example for those of the tests, so that nothing heavy is built twice.
    (cd "$root" && cargo build --locked --quiet --workspace --features sandbox --bin wasup --example serve)
    local wasup="${CARGO_TARGET_DIR:-$root/target}/debug/wasup" network
    begin sandbox "$wasup" sandbox --listen 127.0.0.1:0 --control 127.0.0.1:0
    network="$(line sandbox.out 'network (ws://[^ ]+)')"
    control="$(line sandbox.out 'control (http://[^ ]+)')"
    key="$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')"
    begin gateway env WASUP__SERVER__LISTEN=127.0.0.1:0 WASUP__SERVER__API_KEY="$key" WASUP__DATA__DIR="$work/data" \
        WASUP__DATA__FREE_SPACE_FLOOR="16 MiB" WASUP__LINK__URL="$network" WASUP__LOG__FORMAT=json WASUP__LOG__COLOUR=never \
        "$wasup" serve
    api="http://$(line gateway.err '"message":"serving","address":"([^"]+)"')"
}
