"""gRPC of PyPI's grpcio on both sides."""

import concurrent.futures
import queue
import threading

import grpc

from origin import content
from stand import PATIENCE_S, equal

NAME = 'rempart.Talk'


class GrpcOrigin:
    """Runs in threads of its own as long as the program does. Messages are bytes."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.cancelled = threading.Semaphore(0)
        pool = concurrent.futures.ThreadPoolExecutor(64)
        self._server = grpc.server(pool, options=[('grpc.max_receive_message_length', -1)])
        methods = {
            'Unary': grpc.unary_unary_rpc_method_handler(unary),
            'Down': grpc.unary_stream_rpc_method_handler(down),
            'Up': grpc.stream_unary_rpc_method_handler(up),
            'Both': grpc.stream_stream_rpc_method_handler(both),
            'Peer': grpc.unary_unary_rpc_method_handler(peer),
            'Fields': grpc.unary_unary_rpc_method_handler(fields),
            'Fail': grpc.unary_unary_rpc_method_handler(fail),
            'FailLate': grpc.unary_stream_rpc_method_handler(fail_late),
            'Never': grpc.unary_unary_rpc_method_handler(self._never),
        }
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, methods)])
        self._port = self._server.add_insecure_port('127.0.0.1:0')
        self._server.start()

    @property
    def url(self):
        """Where it is."""
        return f'h2c://127.0.0.1:{self._port}'

    def _never(self, _, context):
        """Answers only when nobody waits any more."""
        self.begun.release()
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait(PATIENCE_S)
        self.cancelled.release()
        return b''


def unary(message, _):
    """Says it back."""
    return message


def down(message, _):
    """As many messages as it says."""
    for number in range(int(message)):
        yield b'%d' % number


def up(messages, _):
    """How many came, and their bytes."""
    lengths = [len(message) for message in messages]
    return b'%d %d' % (len(lengths), sum(lengths))


def both(messages, _):
    """Says each back before it takes the next."""
    for message in messages:
        yield message[::-1]


def peer(_, context):
    """Whom the call came from."""
    return context.peer().encode()


def fields(_, context):
    """Says metadata back, before and behind the answer."""
    asked = dict(context.invocation_metadata())
    context.send_initial_metadata([('x-before', asked['x-text']), ('x-before-bin', asked['x-bytes-bin'])])
    context.set_trailing_metadata([('x-behind', asked['x-text']), ('x-behind-bin', asked['x-bytes-bin'])])
    return b'done'


def fail(_, context):
    """Fails before it says anything."""
    context.set_trailing_metadata([('x-why', 'because')])
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'not so, Jürgen: 50 %')


def fail_late(_, context):
    """Fails after it has said something."""
    yield b'one'
    context.abort(grpc.StatusCode.DATA_LOSS, 'the rest is lost')


class Caller:
    """A channel through the program."""

    def __init__(self, edge):
        credentials = grpc.ssl_channel_credentials(edge.certificate.read_bytes())
        options = [('grpc.ssl_target_name_override', 'grpc.test'), ('grpc.default_authority', 'grpc.test'),
                   ('grpc.enable_http_proxy', 0), ('grpc.max_receive_message_length', -1)]
        self._channel = grpc.secure_channel(f'127.0.0.1:{edge.port}', credentials, options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def call(self, kind, method):
        """A method as a function."""
        return getattr(self._channel, kind)(f'/{NAME}/{method}')


def error_of(call, *args, **more):
    """What a call fails with."""
    try:
        result = call(*args, **more)
        list(result)
    except grpc.RpcError as error:
        return error
    raise AssertionError('it has not failed')


def check_unary(edge, _):
    with Caller(edge) as caller:
        call = caller.call('unary_unary', 'Unary')
        for message in [b'', b'hello', content(6 * 2 ** 20)]:
            equal(call(message, timeout=PATIENCE_S), message)


def check_a_hundred_calls_at_once(edge, _):
    with Caller(edge) as caller:
        call = caller.call('unary_unary', 'Unary')
        calls = [call.future(b'%d' % number, timeout=PATIENCE_S) for number in range(100)]
        equal([future.result() for future in calls], [b'%d' % number for number in range(100)])


def check_compressed(edge, _):
    with Caller(edge) as caller:
        message = bytes(100000)
        answer = caller.call('unary_unary', 'Unary')(message, timeout=PATIENCE_S, compression=grpc.Compression.Gzip)
        equal(answer, message)


def check_a_stream_down(edge, _):
    with Caller(edge) as caller:
        answers = list(caller.call('unary_stream', 'Down')(b'2000', timeout=PATIENCE_S))
        equal(answers, [b'%d' % number for number in range(2000)])
        equal(list(caller.call('unary_stream', 'Down')(b'0', timeout=PATIENCE_S)), [])


def check_a_stream_up(edge, _):
    with Caller(edge) as caller:
        messages = (bytes(1000) for _ in range(3000))
        equal(caller.call('stream_unary', 'Up')(messages, timeout=PATIENCE_S), b'3000 3000000')


def check_both_ways_in_turn(edge, _):
    with Caller(edge) as caller:
        asks = queue.SimpleQueue()
        answers = caller.call('stream_stream', 'Both')(iter(asks.get, None), timeout=PATIENCE_S)
        # Nothing is asked before the answer to what was asked before is there.
        for number in range(200):
            message = b'%d ' % number * (1 + number * 10)
            asks.put(message)
            equal(next(answers), message[::-1])
        asks.put(None)
        equal(list(answers), [])
        equal(answers.code(), grpc.StatusCode.OK)


def check_metadata_before_and_behind(edge, _):
    with Caller(edge) as caller:
        every_byte = bytes(range(256))
        answer, call = caller.call('unary_unary', 'Fields').with_call(
            b'', metadata=[('x-text', 'some words, and more'), ('x-bytes-bin', every_byte)], timeout=PATIENCE_S)
        equal(answer, b'done')
        before, behind = dict(call.initial_metadata()), dict(call.trailing_metadata())
        equal((before['x-before'], before['x-before-bin']), ('some words, and more', every_byte))
        equal((behind['x-behind'], behind['x-behind-bin']), ('some words, and more', every_byte))


def check_a_status_without_an_answer(edge, _):
    with Caller(edge) as caller:
        error = error_of(caller.call('unary_unary', 'Fail'), b'', timeout=PATIENCE_S)
        equal((error.code(), error.details()), (grpc.StatusCode.FAILED_PRECONDITION, 'not so, Jürgen: 50 %'))
        equal(dict(error.trailing_metadata())['x-why'], 'because')
        error = error_of(caller.call('unary_unary', 'Unknown'), b'', timeout=PATIENCE_S)
        equal(error.code(), grpc.StatusCode.UNIMPLEMENTED)


def check_a_status_behind_an_answer(edge, _):
    with Caller(edge) as caller:
        answers = caller.call('unary_stream', 'FailLate')(b'', timeout=PATIENCE_S)
        equal(next(answers), b'one')
        error = error_of(lambda: answers)
        equal((error.code(), error.details()), (grpc.StatusCode.DATA_LOSS, 'the rest is lost'))


def check_a_deadline_that_passes_ends_the_origins_call(edge, origin):
    with Caller(edge) as caller:
        error = error_of(caller.call('unary_unary', 'Never'), b'', timeout=0.5)
        equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        assert origin.begun.acquire(timeout=PATIENCE_S)
        assert origin.cancelled.acquire(timeout=PATIENCE_S), 'the origin still works for nobody'


def check_a_call_that_is_cancelled_ends_the_origins(edge, origin):
    with Caller(edge) as caller:
        call = caller.call('unary_unary', 'Never').future(b'', timeout=PATIENCE_S)
        assert origin.begun.acquire(timeout=PATIENCE_S)
        call.cancel()
        assert origin.cancelled.acquire(timeout=PATIENCE_S), 'the origin still works for nobody'
        # The connection, and the edge's to the origin, are as good as before.
        equal(caller.call('unary_unary', 'Unary')(b'on', timeout=PATIENCE_S), b'on')


def check_five_hundred_calls_share_connections(edge, _):
    with Caller(edge) as caller:
        call = caller.call('unary_unary', 'Peer')
        peers = set()
        for _ in range(10):
            calls = [call.future(b'', timeout=PATIENCE_S) for _ in range(50)]
            peers |= {future.result() for future in calls}
        assert len(peers) <= 4, peers
