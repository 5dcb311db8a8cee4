"""WebSocket over HTTP/2 (RFC 8441) by hand: frames that no browser sends."""

import h2.events

from h2_client import Visitor
from origin import content
from stand import equal

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b'\x11\x22\x33\x44'


class Talk:
    """A WebSocket on a stream of its own."""

    def __init__(self, visitor, path='/by-hand'):
        self.visitor = visitor
        head = [(':method', 'CONNECT'), (':protocol', 'websocket'), (':scheme', 'https'), (':path', path),
                (':authority', visitor.authority), ('sec-websocket-version', '13')]
        self.stream = visitor.h2.get_next_available_stream_id()
        visitor.h2.send_headers(self.stream, head)
        visitor.flush()
        visitor.until(lambda: visitor.saw(self.stream, h2.events.ResponseReceived))
        fields = dict(visitor.saw(self.stream, h2.events.ResponseReceived)[0].headers)
        equal(fields[':status'], '200')
        assert not {'upgrade', 'connection', 'sec-websocket-accept', 'content-length'} & set(fields), fields
        self._taken = 0

    def send(self, kind, data, is_last=True):
        """Sends a frame (RFC 6455 section 5.2)."""
        length = len(data)
        if length < 126:
            sized = bytes([0x80 | length])
        elif length < 65536:
            sized = bytes([0x80 | 126]) + length.to_bytes(2, 'big')
        else:
            sized = bytes([0x80 | 127]) + length.to_bytes(8, 'big')
        masked = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(data))
        self.visitor.upload(self.stream, bytes([0x80 * is_last | kind]) + sized + MASK + masked, ends=False)

    def _take(self, count):
        """The next bytes of the stream, with windows renewed."""
        def came():
            return self.visitor.body(self.stream)[self._taken:]
        while len(came()) < count:
            before = len(came())
            self.visitor.read()
            if more := len(came()) - before:
                self.visitor.h2.acknowledge_received_data(more, self.stream)
                self.visitor.flush()
        taken = came()[:count]
        self._taken += count
        return taken

    def next(self):
        """The next frame: its kind, whether it is the last of its message, its bytes."""
        first, length = self._take(2)
        if length >= 126:
            length = int.from_bytes(self._take(2 if length == 126 else 8), 'big')
        return first & 15, bool(first & 0x80), self._take(length)

    def close(self):
        """Closes from this side, and sees both ends of the stream."""
        self.send(CLOSE, b'\x03\xe8')
        equal(self.next(), (CLOSE, True, b'\x03\xe8'))
        self.visitor.h2.end_stream(self.stream)
        self.visitor.flush()
        self.visitor.until(lambda: self.visitor.saw(self.stream, h2.events.StreamEnded))
        equal(self.visitor.saw(self.stream, h2.events.StreamReset), [])


def check_a_message_in_fragments_with_a_ping_between(edge):
    with Visitor(edge, 'socket.test') as visitor:
        talk = Talk(visitor)
        talk.send(TEXT, b'one ', is_last=False)
        talk.send(PING, b'there?')
        equal(talk.next(), (PONG, True, b'there?'))
        talk.send(CONTINUATION, b'two ', is_last=False)
        talk.send(CONTINUATION, b'three')
        equal(talk.next(), (TEXT, True, b'one two three'))
        talk.send(TEXT, b'in pieces')
        frames = [talk.next()]
        while not frames[-1][1]:
            frames.append(talk.next())
        equal([kind for kind, _, _ in frames], [TEXT] + [CONTINUATION] * (len(frames) - 1))
        equal(b''.join(data for _, _, data in frames), b'one two three')
        assert len(frames) > 2, frames
        talk.close()


def check_a_large_message_beside_requests(edge):
    with Visitor(edge, 'socket.test') as visitor:
        talk = Talk(visitor)
        talk.send(BINARY, content(300000))
        equal(talk.next(), (BINARY, True, content(300000)))
        fields, _ = visitor.whole(visitor.ask('/beside'))
        equal(fields[':status'], '200')
        talk.send(TEXT, b'still there')
        equal(talk.next(), (TEXT, True, b'still there'))
        talk.close()


def check_what_the_origin_closes_ends(edge):
    with Visitor(edge, 'socket.test') as visitor:
        talk = Talk(visitor)
        talk.send(TEXT, b'close')
        equal(talk.next(), (CLOSE, True, (4001).to_bytes(2, 'big') + b'as you say'))
        talk.send(CLOSE, (4001).to_bytes(2, 'big'))
        visitor.until(lambda: visitor.saw(talk.stream, h2.events.StreamEnded))


def check_what_is_no_websocket_is_told_so(edge):
    with Visitor(edge) as visitor:
        # An origin that knows nothing of WebSocket answers a GET.
        head = [(':method', 'CONNECT'), (':protocol', 'websocket'), (':scheme', 'https'), (':path', '/bytes/10'),
                (':authority', visitor.authority), ('sec-websocket-version', '13')]
        stream = visitor.h2.get_next_available_stream_id()
        visitor.h2.send_headers(stream, head)
        visitor.flush()
        visitor.until(lambda: visitor.saw(stream, h2.events.ResponseReceived))
        equal(dict(visitor.saw(stream, h2.events.ResponseReceived)[0].headers)[':status'], '520')
        # The connection goes on.
        equal(visitor.whole(visitor.ask('/bytes/20'))[1], content(20))


def check_another_protocol_is_refused(edge):
    with Visitor(edge) as visitor:
        head = [(':method', 'CONNECT'), (':protocol', 'connect-udp'), (':scheme', 'https'), (':path', '/'),
                (':authority', visitor.authority)]
        stream = visitor.h2.get_next_available_stream_id()
        visitor.h2.send_headers(stream, head)
        visitor.flush()
        visitor.until(lambda: visitor.saw(stream, h2.events.ResponseReceived))
        status = dict(visitor.saw(stream, h2.events.ResponseReceived)[0].headers)[':status']
        equal(status, '400')
