"""A connection of PyPI's h2 over TLS, driven by hand."""

import collections
import socket
import ssl

import h2.config
import h2.connection
import h2.events
import h2.settings

from stand import PATIENCE_S


class Visitor:
    """One connection; its events are kept by stream, in their order."""

    def __init__(self, edge, host='shop.test', settings=None):
        context = ssl.create_default_context(cafile=edge.certificate)
        context.set_alpn_protocols(['h2'])
        plain = socket.create_connection(('127.0.0.1', edge.port), PATIENCE_S)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        assert self.socket.selected_alpn_protocol() == 'h2'
        self.authority = f'{host}:{edge.port}'
        config = h2.config.H2Configuration(client_side=True, header_encoding='utf-8')
        self.h2 = h2.connection.H2Connection(config)
        # What the program offers stands before anything is asked.
        self.events = collections.defaultdict(list)
        self.received = []
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.flush()
        self.until(lambda: self.saw(0, h2.events.RemoteSettingsChanged))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        """Writes what is to be written."""
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, path, method='GET', fields=(), ends=True, **priority):
        """Opens a stream with a request."""
        stream = self.h2.get_next_available_stream_id()
        head = [(':method', method), (':scheme', 'https'), (':authority', self.authority), (':path', path), *fields]
        self.h2.send_headers(stream, head, end_stream=ends, **priority)
        self.flush()
        return stream

    def upload(self, stream, body, ends=True):
        """Sends a body as windows allow."""
        while body:
            self.until(lambda: self.h2.local_flow_control_window(stream) > 0)
            count = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            self.h2.send_data(stream, body[:count])
            self.flush()
            body = body[count:]
        if ends:
            self.h2.end_stream(stream)
            self.flush()

    def read(self):
        """Takes what has come and acknowledges nothing but SETTINGS and PING."""
        data = self.socket.recv(65536)
        assert data, 'the connection has ended'
        for event in self.h2.receive_data(data):
            self.received.append(event)
            self.events[getattr(event, 'stream_id', 0)].append(event)
        self.flush()

    def until(self, is_so):
        """Reads until it is so."""
        while not is_so():
            self.read()

    def saw(self, stream, kind):
        """All events of a kind on a stream (0: of the connection)."""
        return [event for event in self.events[stream] if isinstance(event, kind)]

    def body(self, stream):
        """What has come of a stream's body."""
        return b''.join(event.data for event in self.saw(stream, h2.events.DataReceived))

    def whole(self, stream):
        """The fields and the body of an answer, with all windows renewed as it comes."""
        acknowledged = 0
        while not self.saw(stream, h2.events.StreamEnded):
            self.read()
            assert not self.saw(stream, h2.events.StreamReset), self.events[stream]
            came = self.saw(stream, h2.events.DataReceived)
            for event in came[acknowledged:]:
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            acknowledged = len(came)
            self.flush()
        return dict(self.saw(stream, h2.events.ResponseReceived)[0].headers), self.body(stream)
