#!/usr/bin/with-contenv bashio
# The config is in the folder of the app, where it can be edited; the store is the app's own.
set -e

CONFIG=/config/config.yaml
mkdir -p /data/store
chmod 700 /data/store

if [ ! -e "$CONFIG" ]; then
    zone=$(bashio::config 'zone')
    if [ -z "$zone" ] || [ "$zone" = null ]; then zone=${TZ:-UTC}; fi
    latchkey init --site "$(bashio::config 'site')" --zone "$zone" --directory /config --store /data/store
fi

# `homeAssistant: { url: "${MQTT_URL}", username: "${MQTT_USER}", password: "file:/data/mqtt-password" }`
set -- run --config "$CONFIG"
if bashio::services.available mqtt; then
    (umask 077 && bashio::services mqtt password > /data/mqtt-password)
    set -- "$@" --set "MQTT_URL=mqtt://$(bashio::services mqtt host):$(bashio::services mqtt port)"
    set -- "$@" --set "MQTT_USER=$(bashio::services mqtt username)"
fi

exec latchkey "$@"
