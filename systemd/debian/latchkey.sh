#!/bin/sh
exec /usr/lib/latchkey/bin/node /usr/lib/latchkey/dist/daemon/main.mjs "$@"
