"""nghttp and h2load, of nghttp2."""

import hashlib
import json
import re

from origin import content
from stand import ADDRESS, equal, run


def nghttp(edge, *words, paths):
    """What nghttp writes."""
    return run('nghttp', *words, *(edge.url(path, ADDRESS) for path in paths))


def check_several_requests_on_one_connection(edge):
    out = nghttp(edge, '-nv', paths=[f'/bytes/{number}' for number in range(1000, 1030)]).decode()
    equal(len(re.findall(r':status: 200\n', out)), 30)
    equal(len(re.findall(r'; ACK\n', out)), 2)
    assert 'RST_STREAM' not in out, out


def check_upload(edge):
    body = content(1024 * 1024)
    (edge.folder / 'up').write_bytes(body)
    answer = json.loads(nghttp(edge, '-d', edge.folder / 'up', paths=['/sum']))
    equal((answer['method'], answer['sha256']), ('POST', hashlib.sha256(body).hexdigest()))


def check_download_through_windows_of_1023_bytes(edge):
    equal(nghttp(edge, '-w', '10', '-W', '10', paths=['/bytes/1000000']), content(1000000))


def check_download_through_windows_of_one_byte(edge):
    equal(nghttp(edge, '-w', '1', paths=['/bytes/300']), content(300))


def check_padded_upload(edge):
    body = content(100000)
    (edge.folder / 'up').write_bytes(body)
    answer = json.loads(nghttp(edge, '-b', '255', '-d', edge.folder / 'up', paths=['/sum']))
    equal(answer['sha256'], hashlib.sha256(body).hexdigest())


def check_a_head_in_continuations(edge):
    answer = json.loads(nghttp(edge, '--continuation', paths=['/sum']))
    # It sends a large field with it.
    fields = {name.lower(): value for name, value in answer['fields']}
    assert len(fields['continuation-test-1']) > 4000, fields


def check_trailers_reach_the_origin(edge):
    (edge.folder / 'up').write_bytes(b'hello')
    upload = ['--no-content-length', '--trailer', 'x-sum: 5', '-d']
    answer = json.loads(nghttp(edge, *upload, edge.folder / 'up', paths=['/sum']))
    equal((answer['length'], answer['trailers']), (5, [['x-sum', '5']]))


def check_h2load_gets_5000_answers(edge):
    out = run('h2load', '-c', 10, '-m', 100, '-n', 5000, edge.url('/bytes/100', ADDRESS)).decode()
    assert '5000 succeeded, 0 failed, 0 errored' in out and 'status codes: 5000 2xx' in out, out
    assert 'Application protocol: h2\n' in out, out
