"""curl over HTTP/2."""

import hashlib
import json

from origin import content
from stand import equal, run

MIB = 1024 * 1024


def curl(edge, path, *more, body=b''):
    """Asks for a path with curl, and has it fail on a bad status."""
    return run(*options(edge), *more, edge.url(path), input=body)


def options(edge):
    """What all of it is asked with."""
    return ['curl', '--silent', '--show-error', '--fail', '--http2', '--max-time', 50, '--cacert', edge.certificate,
            '--resolve', f'*:{edge.port}:127.0.0.1']


def said(answer, **wanted):
    """Compares what the origin says that it got."""
    answer = json.loads(answer)
    for name, value in wanted.items():
        equal(answer[name], value)
    return answer


def check_get_comes_over_http2(edge):
    out = curl(edge, '/bytes/1000', '--write-out', '%{http_version} %{size_download}', '--output', edge.folder / 'got')
    equal(out, b'2 1000')
    equal((edge.folder / 'got').read_bytes(), content(1000))


def check_head_has_a_length_and_no_body(edge):
    out = curl(edge, '/bytes/1234', '--head')
    assert out.startswith(b'HTTP/2 200 \r\n') and b'\r\ncontent-length: 1234\r\n' in out, out
    assert out.endswith(b'\r\n\r\n'), out


def check_post_of_a_mebibyte(edge):
    body = content(MIB)
    out = curl(edge, '/sum', '--data-binary', '@-', body=body)
    said(out, method='POST', length=MIB, sha256=hashlib.sha256(body).hexdigest())


def check_upload_of_fifty_mebibytes(edge):
    body = content(50 * MIB)
    file = edge.folder / 'up'
    file.write_bytes(body)
    said(curl(edge, '/sum', '--upload-file', file),
         method='PUT', length=50 * MIB, sha256=hashlib.sha256(body).hexdigest())


def check_upload_of_unknown_length(edge):
    body = content(3 * MIB)
    out = curl(edge, '/sum', '--upload-file', '-', body=body)
    said(out, length=3 * MIB, sha256=hashlib.sha256(body).hexdigest())


def check_expectation_of_100_continue(edge):
    body = content(MIB)
    out = curl(edge, '/sum', '--data-binary', '@-', '--header', 'expect: 100-continue', '--expect100-timeout', 50,
               body=body)
    said(out, length=MIB)


def check_range_is_a_part(edge):
    out = curl(edge, '/bytes/100000', '--range', '5000-5999', '--write-out', '%{http_code}')
    equal(out, content(100000)[5000:6000] + b'206')


def check_download_of_ten_mebibytes(edge):
    equal(curl(edge, f'/bytes/{10 * MIB}'), content(10 * MIB))


def check_many_in_parallel_on_one_connection(edge):
    urls = []
    for number in range(100):
        urls += ['--output', edge.folder / f'got-{number}', edge.url(f'/bytes/{10000 + number}')]
    out = run(*options(edge), '--parallel', '--parallel-max', 100, '--write-out',
              '%{http_code} %{http_version} %{num_connects}\n', *urls)
    lines = out.decode().split('\n')[:-1]
    equal([line[:5] for line in lines], ['200 2'] * 100)
    assert sum(int(line[6:]) for line in lines) < 10, 'they do not share connections'
    for number in range(100):
        equal((edge.folder / f'got-{number}').read_bytes(), content(10000 + number))


def check_fields_reach_the_origin(edge):
    out = curl(edge, '/sum?a=1&b=%20', '--header', 'X-One: a  b', '--cookie', 'a=1; b=2', '--header', 'te: trailers')
    answer = said(out, method='GET', target='/sum?a=1&b=%20')
    fields = {name.lower(): value for name, value in answer['fields']}
    equal((fields['host'], fields['x-one'], fields['cookie']), (f'shop.test:{edge.port}', 'a  b', 'a=1; b=2'))


def check_trailers_of_the_origin_arrive(edge):
    out = curl(edge, '/trailers', '--include')
    assert b'\r\n\r\nhello world' in out and b'x-sum: 11' in out, out


def check_early_hints_arrive_before_the_answer(edge):
    out = curl(edge, '/early', '--include')
    assert out.startswith(b'HTTP/2 103 \r\nlink: </style.css>; rel=preload\r\n\r\nHTTP/2 200 \r\n'), out
    assert out.endswith(b'late'), out
