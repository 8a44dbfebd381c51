# What the commands of a page find. A block runs in this very shell, so that it may change folders and set variables.

server='' # the process that serves
http=''   # where: 127.0.0.1:PORT
https=''
admin=''

book_block() { # runs the commands on standard input until one fails
    page_program=$1
    local commands line more code=0
    commands=$(cat)
    exec 3>&1 4>&2
    exec 2>&1
    set -o pipefail
    while IFS= read -r line || [ -n "$line" ]; do
        while ! bash -n <<<"$line" 2>/dev/null || [[ $line == *\\ ]]; do # it goes on in the next one
            IFS= read -r more || break
            line=$line$'\n'$more
        done
        eval "$line" </dev/null || { code=$?; echo "-- $line"; break; }
    done <<<"$commands"
    exec 1>&3 2>&4
    return "$code"
}

cargo() {
    if [ -e Cargo.toml ] || [ "$1" = new ]; then
        with_toolchain "$@"
        return
    fi
    if [ "$1" = build ]; then
        shift
        is_built "$@"
        return
    fi
    local program=$page_program
    shift # run
    if [ "${1-}" = --example ]; then program=$2; shift 2; fi
    if [ "${1-}" = -- ]; then shift; fi
    program_runs "$PROGRAMS/examples/$program" "$@"
}

foobar() { program_runs "$PROGRAMS/foobar" "$@"; }
shop() { program_runs "$PROGRAMS/examples/$page_program" "$@"; } # a program of the reader's own

is_built() { # the program of the page is there already; what is left to try is whether it has such features
    local features=()
    while [ $# -gt 0 ]; do
        case $1 in
        --release) ;;
        --features) features=(--features "$2") && shift ;;
        *) echo "no page builds with $1" && return 1 ;;
        esac
        shift
    done
    command cargo tree --manifest-path "$PACKAGE/Cargo.toml" --locked --depth 0 "${features[@]}" >/dev/null
}

with_toolchain() { # a package that the page makes
    case $1 in
    run)
        command cargo build --quiet || return
        shift
        if [ "${1-}" = -- ]; then shift; fi
        program_runs "$CARGO_TARGET_DIR/debug/$(basename "$PWD")" "$@"
        ;;
    *) command cargo "$@" ;;
    esac
}

program_runs() { # a command to its end, or the server until the next one
    case " $* " in
    *" doctor "*) FOOBAR__WEB__LISTEN=127.0.0.1:0 "$@" ;; # whatever else this machine serves
    *" certificates "* | *" check "* | *" config "* | *" migrate "* | *" new "* | *" routes "*) "$@" ;;
    *" --help "* | *" --version "*) "$@" ;;
    *" reload "* | *" status "* | *" pause "* | *" resume "* | *" maintenance "* | *" drain "* | *" undrain "*) "$@" ;;
    *) serve "$@" ;;
    esac
}

serve() { # until it says where it listens, on a port that the system gives
    stop
    local banner line
    set -- "${@/#127.0.0.1:8*/127.0.0.1:0}"
    banner=$(mktemp -u)
    mkfifo "$banner"
    if grep -q '^listen' foobar.toml 2>/dev/null; then
        "$@" >"$banner" 2>&1 </dev/null &
    else
        FOOBAR__WEB__LISTEN=127.0.0.1:0 "$@" >"$banner" 2>&1 </dev/null &
    fi
    server=$!
    exec 5<"$banner"
    rm "$banner"
    http='' https='' admin=''
    while IFS= read -r line <&5; do
        echo "$line"
        case $line in
        *'listening on'*' http://'*) http=$(address_in "$line") ;;
        *'listening on'*' https://'*) https=$(address_in "$line") ;;
        *'admin '*' http'*) admin=$(address_in "$line") ;;
        *'configuration  '*) cat <&5 >/dev/null & return 0 ;;
        esac
    done
    wait "$server" # it has ended
}

address_in() { sed -E 's|.*https?://([^ /]*).*|\1|; s|0\.0\.0\.0|127.0.0.1|' <<<"$1"; }

curl() { # whatever name and port a page says, it is the server that runs
    local where=()
    case " $* " in
    *:9180/*) where=(--connect-to "::$admin") ;;
    *https://*) where=(--connect-to "::$https") ;;
    *) where=(--connect-to "::$http") ;;
    esac
    command curl --silent --show-error "${where[@]}" "$@"
}

stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    fi
    server=''
    return 0
}
trap stop EXIT
