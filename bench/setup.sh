#!/bin/sh
# Installs what `make bench` measures beside Rempart and what it measures with. Debian packages start their
# service when they are installed; here they must not, now or at the next boot.
set -eu

missing=
for pair in nginx:nginx-light haproxy:haproxy h2o:h2o caddy:caddy varnishd:varnish \
    traffic_server:trafficserver wrk:wrk h2load:nghttp2-client curl:curl perf:linux-perf addr2line:binutils setpriv:util-linux; do
    PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ -z "$missing" ]; then exit 0; fi

install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    root=
elif sudo -n true 2>/dev/null; then
    root=sudo
else
    echo "bench: these packages are missing; install them with:"
    echo "  sudo $install"
    exit 1
fi

# invoke-rc.d asks this file whether it may start a service; 101 says no. Ours is removed at the end.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
    $root chmod 755 "$policy"
fi
$root apt-get update -q || echo "bench: apt-get update failed, going on with the lists that are here"
$root $install

for service in $(echo "$missing" | sed 's/nginx-light/nginx/; s/varnish/varnish varnishncsa/'); do
    if [ -d /run/systemd/system ]; then
        $root systemctl disable --now "$service" 2>/dev/null || true
    elif [ -x "/etc/init.d/$service" ]; then
        $root "/etc/init.d/$service" stop >/dev/null 2>&1 || true
        $root update-rc.d "$service" disable 2>/dev/null || true
    fi
done
