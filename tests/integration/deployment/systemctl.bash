# `systemctl` for service.rs: what systemd does with the unit of the guide, as far as the commands rest on it. ROOT is the
# folder that stands for the system.
set -euo pipefail
unit=$ROOT/etc/systemd/system/shop.service

value() { sed -n "s|^$1=||p" "$unit"; } # what the unit says of this key

start() {
    local name file credentials=$ROOT/run/credentials/shop.service
    mkdir -p "$credentials" "$ROOT/var/lib/$(value StateDirectory)" "$ROOT/run/$(value RuntimeDirectory)"
    IFS=: read -r name file <<<"$(value LoadCredential)"
    cp "$file" "$credentials/$name"
    cd "$(value WorkingDirectory)"
    # shellcheck disable=SC2046 # the words of a command
    env "$(value Environment | sed "s|%d|$credentials|")" $(value ExecStart) >>"$ROOT/journal" 2>&1 </dev/null &
    echo $! | tee "$ROOT/pid" >>"$ROOT/pids"
}

case $* in
daemon-reload) systemd-analyze verify "$unit" ;;
'enable --now shop')
    command systemctl --root="$ROOT" enable shop
    start
    ;;
'reload shop') MAINPID=$(cat "$ROOT/pid") bash -c "$(value ExecReload)" ;;
'kill --signal=USR2 --kill-who=main shop') kill -USR2 "$(cat "$ROOT/pid")" ;;
*)
    echo "systemctl does not know: $*" >&2
    exit 1
    ;;
esac
