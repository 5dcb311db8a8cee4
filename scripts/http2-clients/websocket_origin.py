"""An origin that speaks WebSocket, and gives a page to ask it from."""

import contextlib
import http
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


class WebSocketOrigin:
    """Runs in threads of its own as long as the program does."""

    def __init__(self):
        self._server = serve(talk, '127.0.0.1', 0, process_request=page, max_size=None)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Where it is."""
        return f'http://127.0.0.1:{self._server.socket.getsockname()[1]}'


def page(connection, request):
    """What does not ask for WebSocket gets a page."""
    if request.headers.get('upgrade') is not None:
        return None
    answer = connection.respond(http.HTTPStatus.OK, '<!doctype html><title>a page</title>')
    del answer.headers['content-type']
    answer.headers['content-type'] = 'text/html'
    return answer


def talk(connection):
    """Says everything back, and does what it is told."""
    with contextlib.suppress(ConnectionClosed):
        for message in connection:
            if message == 'in pieces':
                connection.send(iter(['one ', 'two ', 'three']))
            elif message == 'close':
                connection.close(4001, 'as you say')
            else:
                connection.send(message)
