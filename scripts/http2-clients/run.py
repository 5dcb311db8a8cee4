"""Runs real clients of HTTP/2 against the program: run.py PROGRAM [PART OF A NAME …]"""

import shutil
import sys

import stand
import with_chromium
import with_curl
import with_grpc
import with_h2
import with_h2_websocket
import with_httpx
import with_nghttp
from origin import Origin
from websocket_origin import WebSocketOrigin

# Modules with checks, and what of the machine each needs.
CLIENTS = [(with_curl, 'curl'), (with_nghttp, 'nghttp'), (with_httpx, None), (with_h2, None), (with_h2_websocket, None),
           (with_chromium, 'chromium')]


def main(program, only):
    """All checks; the status to end with."""
    report = stand.Report(only)
    zones = [('shop.test', Origin().url), ('socket.test', WebSocketOrigin().url)]
    grpc = with_grpc.GrpcOrigin() if stand.takes_h2c(program) else None
    if grpc:
        zones.append(('grpc.test', grpc.url))
    with stand.rempart(program, zones) as edge:
        for module, tool in CLIENTS:
            for name, check in stand.checks_of(module):
                if tool and not shutil.which(tool):
                    report.skip(name, f'there is no {tool}')
                else:
                    report.check(name, check, edge)
        for name, check in stand.checks_of(with_grpc):
            if grpc:
                report.check(name, check, edge, grpc)
            else:
                report.skip(name, 'the program speaks no HTTP/2 with origins')
    return report.close()


sys.exit(main(sys.argv[1], sys.argv[2:]))
