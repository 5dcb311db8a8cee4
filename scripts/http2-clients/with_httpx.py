"""Python's httpx with HTTP/2."""

import asyncio
import hashlib
import socket
import ssl

import httpx

from origin import content
from stand import PATIENCE_S, equal

MIB = 1024 * 1024
look_up = socket.getaddrinfo


def look_up_here(host, *rest, **more):
    """Every name of a test is here."""
    return look_up('127.0.0.1' if host in ('shop.test', b'shop.test') else host, *rest, **more)


def client(edge, kind=httpx.Client, **more):
    """A client that speaks nothing but HTTP/2."""
    socket.getaddrinfo = look_up_here
    context = ssl.create_default_context(cafile=edge.certificate)
    return kind(http1=False, http2=True, verify=context, trust_env=False, timeout=PATIENCE_S,
                base_url=edge.url(''), **more)


def check_a_hundred_requests_at_once(edge):
    async def run():
        limits = httpx.Limits(max_connections=1)
        async with client(edge, httpx.AsyncClient, limits=limits) as asks:
            answers = await asyncio.gather(*(asks.get(f'/bytes/{20000 + number}') for number in range(100)))
            for number, answer in enumerate(answers):
                equal((answer.status_code, answer.http_version), (200, 'HTTP/2'))
                equal(answer.content, content(20000 + number))
    asyncio.run(run())


def check_a_stream_up(edge):
    body = content(3 * MIB)

    def pieces():
        for at in range(0, len(body), 10007):
            yield body[at:at + 10007]
    with client(edge) as asks:
        answer = asks.post('/sum', content=pieces()).json()
    equal((answer['length'], answer['sha256']), (len(body), hashlib.sha256(body).hexdigest()))


def check_a_stream_down(edge):
    with client(edge) as asks, asks.stream('GET', f'/bytes/{5 * MIB}') as answer:
        equal(hashlib.sha256(b''.join(answer.iter_raw())).digest(), hashlib.sha256(content(5 * MIB)).digest())


def check_a_stream_that_is_left_harms_no_other(edge):
    with client(edge) as asks:
        # It resets none of them, and what has come of them stays in its windows: 16 MiB together.
        for _ in range(10):
            with asks.stream('GET', f'/bytes/{MIB}') as answer:
                next(answer.iter_raw(1000))
        equal(asks.get('/bytes/10').content, content(10))


def check_who_asks_for_an_unknown_host_may_ask_on(edge):
    with client(edge) as asks:
        answer = asks.get('/bytes/10', headers={'host': 'unknown.test'})
        assert answer.status_code in (404, 421), answer
        equal(asks.get('/bytes/10').status_code, 200)
