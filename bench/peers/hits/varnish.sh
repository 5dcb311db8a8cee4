#!/bin/sh
# Varnish writes no log itself: varnishncsa reads it from shared memory. Both are the server, on its core.
varnishd -F {{as_root}} -n {{folder}}/work -a 127.0.0.1:{{port}} -T none -f {{folder}}/varnish.vcl -s malloc,256m \
    -p thread_pools=1 -p thread_pool_min=80 &
varnish=$!
varnishncsa -n {{folder}}/work -t off -a -w {{log}} &
log=$!
trap 'kill $log $varnish; wait' TERM INT
wait
