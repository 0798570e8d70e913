#!/bin/sh
# Everything of the site is in /data. The first start makes a config with nothing connected, and the pepper.
set -eu

if [ ! -e /data/config.yaml ]; then
    if [ -z "${LATCHKEY_SITE:-}" ]; then
        echo 'give LATCHKEY_SITE, a name of a-z, 0-9 and "-" that never changes: stored codes belong to it' >&2
        exit 2
    fi
    latchkey init --site "$LATCHKEY_SITE" --zone "${TZ:-UTC}" --directory /data --store /data/store
fi

exec latchkey run --config /data/config.yaml "$@"
