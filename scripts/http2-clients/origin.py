"""An origin of HTTP/1.1, written to be told apart: what it got it says, and what it gives can be computed."""

import asyncio
import hashlib
import json
import threading

PIECE_BYTES = 64 * 1024
IMAGES = 30


def content(count):
    """The bytes of `/bytes/COUNT`: none of its pieces is like another."""
    blocks = (hashlib.sha256(number.to_bytes(8, 'big')).digest() for number in range(count // 32 + 1))
    return b''.join(blocks)[:count]


class Request:
    """One request as it came."""

    def __init__(self, head, reader):
        first, *lines = head.decode('latin-1').split('\r\n')
        self.method, self.target, _ = first.split(' ')
        self.fields = [tuple(line.split(': ', 1)) for line in lines if line]
        self.trailers = []
        self._reader = reader

    def field(self, name):
        """The value of a field."""
        return next((value for found, value in self.fields if found.lower() == name), None)

    async def body(self):
        """The pieces of its body, as they come."""
        if self.field('transfer-encoding') == 'chunked':
            while size := int((await self._reader.readline()).split(b';')[0], 16):
                yield await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            while (line := await self._reader.readline()) != b'\r\n':
                self.trailers.append(tuple(line.decode('latin-1').rstrip('\r\n').split(': ', 1)))
            return
        left = int(self.field('content-length') or 0)
        while left:
            piece = await self._reader.read(min(left, PIECE_BYTES))
            if not piece:
                raise ConnectionError('the body ends early')
            left -= len(piece)
            yield piece


class Origin:
    """Runs in a thread of its own as long as the program does."""

    def __init__(self):
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()

    @property
    def url(self):
        """Where it is."""
        return f'http://127.0.0.1:{self._port}'

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(serve, '127.0.0.1', 0, limit=2 ** 20, backlog=1024))
        self._port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()


async def serve(reader, writer):
    """One connection."""
    try:
        while True:
            request = Request(await reader.readuntil(b'\r\n\r\n'), reader)
            if request.field('expect') == '100-continue':
                writer.write(b'HTTP/1.1 100 Continue\r\n\r\n')
            await answer(request, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def whole(writer, request, body, *fields, status='200 OK'):
    """Writes an answer of known length."""
    lines = [f'HTTP/1.1 {status}', f'Content-Length: {len(body)}', *fields]
    writer.write('\r\n'.join(lines).encode() + b'\r\n\r\n' + (b'' if request.method == 'HEAD' else body))


async def answer(request, writer):
    """Answers by the path."""
    path, _, rest = request.target.partition('?')[0].lstrip('/').partition('/')
    if path == 'echo':
        # It answers while it is asked.
        writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\n\r\n')
        async for piece in request.body():
            writer.write(b'%x\r\n%b\r\n' % (len(piece), piece))
            await writer.drain()
        writer.write(b'0\r\n\r\n')
        return
    sum_ = hashlib.sha256()
    length = 0
    async for piece in request.body():
        sum_.update(piece)
        length += len(piece)
    if path == 'bytes':
        await bytes_of(request, writer, int(rest.split('/')[0]))
    elif path == 'trailers':
        writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n'
                     b'5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 11\r\n\r\n')
    elif path == 'early':
        writer.write(b'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n')
        whole(writer, request, b'late')
    elif path == 'page':
        whole(writer, request, page(), 'Content-Type: text/html', 'Cache-Control: no-store')
    elif path == 'image':
        image = f'<svg xmlns="http://www.w3.org/2000/svg" width="{int(rest) + 1}" height="1"/>'.encode()
        whole(writer, request, image, 'Content-Type: image/svg+xml', 'Cache-Control: no-store')
    else:
        said = {'method': request.method, 'target': request.target, 'fields': request.fields, 'length': length,
                'sha256': sum_.hexdigest(), 'trailers': request.trailers}
        whole(writer, request, json.dumps(said).encode(), 'Content-Type: application/json', 'Cache-Control: no-store')


async def bytes_of(request, writer, count):
    """A file of so many bytes, or a part of it."""
    body = content(count)
    fields = ['Cache-Control: no-store', 'Accept-Ranges: bytes']
    wanted = request.field('range')
    if wanted is None:
        return whole(writer, request, body, *fields)
    first, last = (int(number) for number in wanted.removeprefix('bytes=').split('-'))
    fields.append(f'Content-Range: bytes {first}-{last}/{count}')
    return whole(writer, request, body[first:last + 1], *fields, status='206 Partial Content')


def page():
    """A page with many images."""
    images = ''.join(f'<img src="/image/{number}">' for number in range(IMAGES))
    return f'<!doctype html><title>a page</title>{images}'.encode()
