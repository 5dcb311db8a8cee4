"""Chromium without a window: a page with many images, and WebSocket over HTTP/2 (RFC 8441)."""

import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import tempfile

from websockets.sync.client import connect

from origin import IMAGES
from stand import ENVIRONMENT, PATIENCE_S, Lines, equal, run

LOADED = '''
new Promise(resolve => document.readyState === 'complete' ? resolve() : addEventListener('load', resolve))
  .then(() => ({
    widths: [...document.images].map(image => image.naturalWidth),
    protocols: performance.getEntries().filter(entry => 'nextHopProtocol' in entry)
      .map(entry => entry.nextHopProtocol)
  }))
'''

# Opens a WebSocket at a path, runs a body with `send` and `next`, and gives its result.
SOCKET = '''
(async () => {
  const socket = new WebSocket(`wss://${location.host}PATH`)
  socket.binaryType = 'arraybuffer'
  const came = [], waiting = []
  socket.onmessage = event => waiting.length ? waiting.shift()(event.data) : came.push(event.data)
  const next = () => came.length ? came.shift() : new Promise(resolve => waiting.push(resolve))
  const closed = new Promise(resolve => { socket.onclose = event => resolve([event.code, event.reason, event.wasClean]) })
  await Promise.race([new Promise(resolve => { socket.onopen = resolve }),
    closed.then(how => { throw new Error(`it is closed: ${how}`) })])
  BODY
})()
'''


class Browser:
    """Chromium with one page, driven over its DevTools protocol."""

    def __init__(self, edge, folder):
        key = run('openssl', 'x509', '-in', edge.certificate, '-pubkey', '-noout')
        key = run('openssl', 'pkey', '-pubin', '-outform', 'der', input=key)
        key = base64.b64encode(hashlib.sha256(key).digest()).decode()
        command = ['chromium', '--headless', '--remote-debugging-port=0', f'--user-data-dir={folder}', '--disable-gpu',
                   '--disable-dev-shm-usage', '--no-first-run', '--no-proxy-server', '--disable-background-networking',
                   '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP *.test 127.0.0.1',
                   f'--ignore-certificate-errors-spki-list={key}']
        if os.geteuid() == 0:
            command.append('--no-sandbox')
        # It has children of its own, which end with its group.
        self._process = subprocess.Popen(
            [*command, 'about:blank'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=ENVIRONMENT | {'HOME': str(folder)}, start_new_session=True)
        try:
            line = Lines(self._process.stderr).await_line(lambda line: 'DevTools listening on ' in line)
            self._socket = connect(line.split(' on ')[1].strip(), max_size=None, proxy=None)
            self._number = 0
            pages = self.order('Target.getTargets')['targetInfos']
            page = next(target['targetId'] for target in pages if target['type'] == 'page')
            self._page = self.order('Target.attachToTarget', targetId=page, flatten=True)['sessionId']
        except BaseException:
            self.close()
            raise

    def order(self, method, session=None, **parameters):
        """Says one thing, and waits for its answer."""
        self._number += 1
        order = {'id': self._number, 'method': method, 'params': parameters}
        if session:
            order['sessionId'] = session
        self._socket.send(json.dumps(order))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE_S))
            if answer.get('id') == self._number:
                assert 'error' not in answer, answer
                return answer['result']

    def open(self, url):
        """Goes to a page."""
        answer = self.order('Page.navigate', self._page, url=url)
        assert not answer.get('errorText'), answer

    def run(self, script):
        """The value of a script in the page, when it has one."""
        answer = self.order('Runtime.evaluate', self._page, expression=script, awaitPromise=True, returnByValue=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    def close(self):
        """Ends it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)


@contextlib.contextmanager
def browser(edge):
    """Chromium, with a profile that goes with it."""
    # Its helpers may still write while they are ended.
    with tempfile.TemporaryDirectory(prefix='rempart-chromium-', ignore_cleanup_errors=True) as folder:
        chromium = Browser(edge, folder)
        try:
            yield chromium
        finally:
            chromium.close()


def talk(chromium, edge, path, body):
    """What a script gives that talks over a WebSocket."""
    chromium.open(edge.url(f'{path}-page', 'socket.test'))
    chromium.run(LOADED)
    return chromium.run(SOCKET.replace('PATH', path).replace('BODY', body))


def came_over_http2(edge, path):
    """Looks into the access log: the page and the WebSocket came over the same connection of HTTP/2."""
    page, socket = edge.logged(f'{path}-page'), edge.logged(path)
    equal((page['ClientRequestProtocol'], socket['ClientRequestProtocol']), ('HTTP/2', 'HTTP/2'))
    equal(socket['ClientSrcPort'], page['ClientSrcPort'])
    # The log has it as the browser asked (RFC 8441).
    equal((socket['ClientRequestMethod'], socket['EdgeResponseStatus']), ('CONNECT', 200))


def check_a_page_with_many_images(edge):
    with browser(edge) as chromium:
        chromium.open(edge.url('/page'))
        seen = chromium.run(LOADED)
        equal(seen['widths'], [number + 1 for number in range(IMAGES)])
        equal(set(seen['protocols']), {'h2'})
        assert len(seen['protocols']) >= IMAGES + 1, seen


def check_fetch_uploads_and_downloads(edge):
    with browser(edge) as chromium:
        chromium.open(edge.url('/page'))
        chromium.run(LOADED)
        said = chromium.run('''fetch('/sum', {method: 'POST', body: new Uint8Array(2 ** 20)}).then(a => a.json())''')
        equal((said['length'], said['sha256']), (2 ** 20, hashlib.sha256(bytes(2 ** 20)).hexdigest()))
        length = chromium.run('''fetch('/bytes/3000000').then(a => a.arrayBuffer()).then(all => all.byteLength)''')
        equal(length, 3000000)


def check_websocket_says_small_and_large_messages_back(edge):
    with browser(edge) as chromium:
        equal(talk(chromium, edge, '/says-back', '''
            socket.send('hello')
            const small = await next()
            const large = new Uint8Array(2 ** 20).map((_, at) => at % 251)
            socket.send(large)
            const back = new Uint8Array(await next())
            const text = 'ü'.repeat(2 ** 20)
            socket.send(text)
            const same = await next() === text
            socket.close(1000, 'enough')
            return [small, back.length === large.length && back.every((byte, at) => byte === large[at]), same,
              await closed]'''),
              ['hello', True, True, [1000, 'enough', True]])
        came_over_http2(edge, '/says-back')


def check_websocket_of_a_message_in_fragments(edge):
    with browser(edge) as chromium:
        equal(talk(chromium, edge, '/pieces', '''
            socket.send('in pieces')
            const all = await next()
            socket.close()
            return [all, (await closed)[2]]'''), ['one two three', True])
        came_over_http2(edge, '/pieces')


def check_websocket_that_the_origin_closes(edge):
    with browser(edge) as chromium:
        equal(talk(chromium, edge, '/closes', '''
            socket.send('close')
            return closed'''), [4001, 'as you say', True])
        came_over_http2(edge, '/closes')


def check_many_websockets_on_one_connection(edge):
    with browser(edge) as chromium:
        chromium.open(edge.url('/many-page', 'socket.test'))
        chromium.run(LOADED)
        equal(chromium.run('''
            Promise.all([...Array(12).keys()].map(number => new Promise((resolve, reject) => {
              const socket = new WebSocket(`wss://${location.host}/many-${number}`)
              socket.onerror = reject
              socket.onopen = () => socket.send(`${number}`)
              socket.onmessage = event => { socket.close(); resolve(Number(event.data)) }
            })))'''), list(range(12)))
        page = edge.logged('/many-page')
        for number in range(12):
            socket = edge.logged(f'/many-{number}')
            equal((socket['ClientRequestProtocol'], socket['ClientSrcPort']), ('HTTP/2', page['ClientSrcPort']))
