# What tests/run and tests/stress begin with: both source it.

step() {
    printf '\n== %s\n' "$*"
    end_step
    step_name=$* step_begun=$SECONDS step_computed=$(computed)
}
step_name='' step_times=''

# end_step: notes what the step took that was going on.
end_step() {
    if [ -z "$step_name" ]; then return; fi
    step_times+=$(printf '%6d %6d  %s' $((SECONDS - step_begun)) $(($(computed) - step_computed)) "$step_name")$'\n'
    step_name=''
}

# tell_steps: says what each step took.
tell_steps() {
    end_step
    printf '\nseconds  of processors\n%s%6d %6d  in all\n' "$step_times" "$SECONDS" "$(computed)"
}

# computed: the seconds of processors that this script and all that it has waited for have used.
computed() {
    local fields
    read -r -a fields <"/proc/$$/stat"
    echo $(((fields[13] + fields[14] + fields[15] + fields[16]) / $(getconf CLK_TCK)))
}

# install COMMAND PACKAGE WHAT: makes a command available. No service is started: the tests start private servers on
# private folders.
install() {
    if command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; then return; fi
    install_always "$@"
}
install_always() { # the same where no command shows whether it is there
    if ! command -v apt-get >/dev/null; then
        echo "$1 is missing: install $3, then run this again." >&2
        exit 1
    fi
    step "installing $2"
    local sudo=''
    if [ "$(id -u)" != 0 ]; then sudo=sudo; fi
    $sudo apt-get update -qq
    if [ ! -e "$no_services" ]; then
        trap "$sudo rm -f $no_services" EXIT
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$no_services" >/dev/null
        $sudo chmod 755 "$no_services"
    fi
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
    if [ -d /run/systemd/system ]; then
        $sudo systemctl disable --quiet "$1" 2>/dev/null || true # most packages have no service
    fi
}
no_services=/usr/sbin/policy-rc.d # what Debian's packages ask whether they may start a service

command -v cargo >/dev/null || { echo "cargo is missing: install Rust with rustup, https://rustup.rs" >&2; exit 1; }
( # at whose end its trap is due
    install cc gcc "a C compiler"
    install g++ g++ "a C++ compiler, for libFuzzer"
    install mariadbd mariadb-server-core "the programs of a MariaDB server; no service is started"
    install my_print_defaults mariadb-client-core "the programs that come with a MariaDB server"
    install mariadb-dump mariadb-client "mariadb-dump, which backs a database up as the guide says"
    install curl curl "curl, which speaks to the server as clients do"
    install openssl openssl "openssl, which does too"
    install nginx nginx "nginx, whose answers are compared"
    install caddy caddy "Caddy, which the guide has in front of a program; no service is started"
    install certbot certbot "certbot, which the guide has beside a server; it asks an authority of the tests"
    install logrotate logrotate "logrotate, which moves logs away"
    install ruby ruby "ruby, which reads the Rails of the guide"
    install systemd-analyze systemd "systemd-analyze, which reads the units of the guide; no service is started"
    install sqlite3 sqlite3 "sqlite3, which backs a database up in the guide"
    install nsenter util-linux "nsenter, which mounts where a server sees it"
    install strace strace "strace, which shows what is opened"
    install faketime faketime "faketime, which sets the clock of a program"
    install dig bind9-dnsutils "dig, which asks name servers; no service is started"
    install named-checkzone bind9-utils "named-checkzone, which reads zones; no service is started"
    install chromium chromium "Chromium, which looks at the example site"
    install chromedriver chromium-driver "chromedriver, which drives it"
    install npm npm "npm, which fetches axe-core"
    install pebble pebble "pebble, Let's Encrypt's server for tests"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        install_always python3 python3-venv "Python with venv, for an authority that is written in it"
)
acme2certifier=target/tools/acme2certifier
if [ ! -e $acme2certifier/installed ]; then
    step "installing acme2certifier, a second authority for certificates"
    python3 -m venv --clear $acme2certifier
    $acme2certifier/bin/pip install --quiet --disable-pip-version-check acme2certifier==0.46.3
    touch $acme2certifier/installed
fi

# MariaDB's users by ed25519: the plugin alone, out of the package that would start a service. Without it they are tested
# against a server of the tests' own.
plugin=usr/lib/mysql/plugin/auth_ed25519.so
if [ ! -e /$plugin ] && [ ! -e target/tools/mariadb/auth_ed25519.so ] && command -v apt-get >/dev/null; then
    step "fetching MariaDB's plugin for ed25519"
    folder=$(mktemp -d)
    if ! { (cd "$folder" && apt-get download -qq mariadb-server && dpkg -x mariadb-server_*.deb .) &&
        mkdir -p target/tools/mariadb && cp "$folder/$plugin" target/tools/mariadb/; } >/dev/null 2>&1; then
        echo "MariaDB's plugin for ed25519 cannot be fetched: users by it are tested without a server of MariaDB" >&2
    fi
    rm -rf "$folder"
fi

# fetch_axe: axe-core, which tells whether everybody can use a page. Where it is there, the tests of pages have to use it.
fetch_axe() {
    local script=target/tools/axe/axe.min.js folder
    if [ -e "$script" ]; then return; fi
    step "fetching axe-core"
    folder=$(mktemp -d)
    if (cd "$folder" && npm pack --silent axe-core@4.14.1 && tar xzf axe-core-*.tgz) >/dev/null 2>&1 &&
        echo "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c  $folder/package/axe.min.js" |
        sha256sum --check --quiet; then
        mkdir -p "${script%/*}" && cp "$folder/package/axe.min.js" "$script"
    else
        echo "axe-core cannot be fetched: pages are tested without it" >&2
    fi
    rm -rf "$folder"
}
fetch_axe
if [ -e target/tools/axe/axe.min.js ]; then export FOOBAR_AXE=1; fi
