"""What every check stands on: the program in a folder of its own before an origin of ours, and a list of checks."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import traceback

# Nothing that is waited for takes longer, even on a busy machine.
PATIENCE_S = 60
NAMES = ['shop.test', 'socket.test', 'grpc.test']
# Some clients cannot be told where a name is, and ask for an address.
ADDRESS = '127.0.0.1'
# Clients go to the program and nowhere else.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.lower().endswith('_proxy')}


class Report:
    """The checks that were made, and what came of them."""

    def __init__(self, only):
        self.only = only
        self.counts = {'passed': 0, 'failed': 0, 'skipped': 0}

    def check(self, name, run, *args):
        """Makes one check. Whatever it raises is a failure."""
        if self.only and not any(part in name for part in self.only):
            return
        began = time.monotonic()
        try:
            run(*args)
        except Exception:
            self.counts['failed'] += 1
            print(f'FAILED  {name}\n{traceback.format_exc()}', flush=True)
        else:
            self.counts['passed'] += 1
            if self.only:
                print(f'ok      {name} ({time.monotonic() - began:.1f} s)', flush=True)

    def skip(self, name, why):
        """Notes a check that cannot be made here."""
        self.counts['skipped'] += 1
        print(f'skipped {name}: {why}', flush=True)

    def close(self):
        """Prints the line that is counted; the status to end with."""
        print('suite result: ' + ', '.join(f'{count} {word}' for word, count in self.counts.items()))
        return 1 if self.counts['failed'] else 0


def checks_of(module):
    """Its checks as (name, function): whatever begins with `check_`, named by the rest and its module."""
    client = module.__name__.removeprefix('with_')
    for name, function in list(vars(module).items()):
        if name.startswith('check_'):
            yield f'{client}: {name.removeprefix("check_").replace("_", " ")}', function


def equal(found, wanted):
    """Says what was found if it is something else."""
    assert found == wanted, f'{short(found)} is not {short(wanted)}'


def short(value):
    """A value as text that fits on a screen."""
    text = repr(value)
    return text if len(text) < 500 else f'{text[:500]}… ({len(text)} characters)'


def run(*command, status=0, **options):
    """Runs a client to its end; what it wrote."""
    options = {'input': b'', 'env': ENVIRONMENT, 'timeout': PATIENCE_S} | options
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, **options)
    said = done.stderr.decode(errors='replace')
    assert done.returncode == status, f'{command} ended with {done.returncode}:\n{said[-4000:]}'
    return done.stdout


class Lines:
    """Lines of a pipe, which a thread reads."""

    def __init__(self, pipe):
        self._lines = []
        self._news = threading.Condition()
        self._is_over = False
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        for line in pipe:
            with self._news:
                self._lines.append(line.decode(errors='replace').rstrip('\n'))
                self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()

    def await_line(self, is_it):
        """The first line of which that is so, when it has come."""
        with self._news:
            def look():
                return next(filter(is_it, self._lines), None)
            self._news.wait_for(lambda: look() or self._is_over, PATIENCE_S)
            line = look()
            assert line, 'no such line has come:\n' + '\n'.join(self._lines[-20:])
            return line


class Rempart:
    """The program, running. Ended by `close`."""

    def __init__(self, program, folder, zones):
        self.folder = pathlib.Path(folder)
        self.certificate = self.folder / 'shop.pem'
        make_certificate(self.folder)
        self.file = self.folder / 'rempart.yaml'
        self.file.write_text(configuration(zones))
        self._process = subprocess.Popen(
            [program, 'up', '-c', self.file], stdin=subprocess.DEVNULL, env=ENVIRONMENT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._log = Lines(self._process.stdout)
        serving = Lines(self._process.stderr).await_line(lambda line: 'serving http://' in line)
        https = serving.split(' https://')[1].split()[0]
        self.port = int(https.rsplit(':', 1)[1])

    def url(self, path, host='shop.test'):
        """The URL of a path."""
        return f'https://{host}:{self.port}{path}'

    def logged(self, path):
        """The line of the access log about a path, which only one request had."""
        line = self._log.await_line(lambda line: f'"ClientRequestPath":"{path}"' in line)
        return json.loads(line)

    def close(self):
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()


def configuration(zones):
    """The program's configuration: zones are pairs of a name and its origin."""
    text = 'listen: {http: ["127.0.0.1:0"], https: ["127.0.0.1:0"]}\ndata_dir: ./data\nworkers: 2\n'
    if os.geteuid() == 0:
        text += 'user: root\n'
    text += 'admin: {listen: off}\nlog: {access: {to: stdout}}\nlimits: {drain_timeout_ms: 2000}\nzones:\n'
    for name, origin in zones:
        text += f'  - name: {name}\n    origins: ["{origin}"]\n'
        text += '    certificates: [{cert: ./shop.pem, key: ./shop.key}]\n'
    # Without a name there is no certificate to choose, and these clients look at none.
    return text + f'  - name: address.test\n    hosts: ["{ADDRESS}"]\n    origins: ["{zones[0][1]}"]\n'


def make_certificate(folder):
    """A certificate for all names, and its key."""
    names = ','.join(f'DNS:{name}' for name in NAMES)
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 2,
        '-subj', '/CN=shop.test', '-addext', f'subjectAltName={names}', '-keyout', folder / 'shop.key',
        '-out', folder / 'shop.pem')


def takes_h2c(program):
    """Whether the program can speak HTTP/2 with an origin without TLS."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_certificate(folder)
        file = folder / 'rempart.yaml'
        file.write_text(configuration([('grpc.test', 'h2c://127.0.0.1:1')]))
        return subprocess.run([program, 'check', file], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def rempart(program, zones):
    """The program in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix='rempart-clients-') as folder:
        edge = Rempart(program, folder, zones)
        try:
            yield edge
        finally:
            edge.close()
