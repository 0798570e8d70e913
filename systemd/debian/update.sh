#!/bin/sh
# Run by root, from latchkey-update.service. `wanted` holds one line, `<command id> <version>`; the answer is the file
# `result`, `<command id> installed|failed <why>`, and then `wanted` goes. A power cut in between repeats it at the next
# start. The folder is the daemon's own, so nothing in it is believed beyond the form of those two words: which package
# has that version, and who has signed it, is apt's to know, and apt never goes back to an older one by itself.
set -u

dir=${LATCHKEY_UPDATES:-/var/lib/latchkey/update}
run=${RUNTIME_DIRECTORY:-/run}

id= version= rest=
IFS=' ' read -r id version rest <"$dir/wanted" || true
case $id in '' | *[!0-9a-f-]*) rm -f "$dir/wanted"; exit 0 ;; esac
case $version in [0-9]*) ;; *) rm -f "$dir/wanted"; exit 0 ;; esac
case $version in *[!0-9A-Za-z.+~-]*) rm -f "$dir/wanted"; exit 0 ;; esac

answer() {
    file=$(mktemp "$run/result.XXXXXX") || exit 1
    printf '%s %s\n' "$id" "$*" >"$file"
    chmod 644 "$file"
    mv -fT "$file" "$dir/result"
    rm -f "$dir/wanted"
    exit 0
}

export DEBIAN_FRONTEND=noninteractive
dpkg --configure -a >/dev/null || answer failed 'an earlier installation is not complete'
apt-get -qq update || answer failed 'the package sources cannot be read'
apt-get -qq install --yes --no-remove -o Dpkg::Options::=--force-confold "latchkey=$version" ||
    answer failed "apt-get does not install latchkey $version"
[ "$(dpkg-query -W -f '${Version}' latchkey)" = "$version" ] || answer failed 'another version is installed'

# The package restarts the daemon; it counts as installed when that one runs.
tries=0
until systemctl is-active --quiet latchkey.service; do
    tries=$((tries + 1))
    [ "$tries" -lt "${LATCHKEY_UPDATE_TRIES:-60}" ] || answer failed 'installed, but it does not start'
    sleep 1
done
answer installed
