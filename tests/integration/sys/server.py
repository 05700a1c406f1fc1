"""Starts the real program, ends that process and no other, and looks at it from outside: what it
says, its descriptors, its memory, its processor time.

The program is named by the environment's GODWIT. SANITIZED=1 says that it was built with a
sanitizer, whose own memory is no measure of anything."""
import os
import re
import resource
import signal
import subprocess
import tempfile
import time

SANITIZED = os.environ.get('SANITIZED') == '1'
PATIENCE = 5 if SANITIZED else 1  # a factor for deadlines that measure the machine, not the server


def program():
    path = os.environ.get('GODWIT')
    if not path:
        raise SystemExit('set GODWIT to the path of the program under test')
    return path


def clean_env(extra=None):
    """Without settings that would reach the server from the person who runs the tests."""
    env = {name: value for name, value in os.environ.items() if not name.startswith('GODWIT')}
    # What is freed shall be given back soon, so that growth under a sanitizer is growth.
    env['ASAN_OPTIONS'] = 'quarantine_size_mb=4:' + env.get('ASAN_OPTIONS', '')
    env.update(extra or {})
    return env


def wait_until(look, seconds, what):
    """Polls until look() is true, and gives back what it found."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f'not after {seconds:g} s: {what}')
        time.sleep(0.01)


class Server:
    """A running `godwit serve`. Its output goes to files, so that it can never block on a pipe."""

    def __init__(self, t, *options, env=None, wrap=(), descriptors=None, listen='127.0.0.1:0',
                 stderr=None):
        self._out = tempfile.NamedTemporaryFile(prefix='godwit-out-')
        self._err = tempfile.NamedTemporaryFile(prefix='godwit-err-')
        self.args = [*wrap, program(), 'serve', f'--listen={listen}', *options]

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=self._out,
                                        stderr=stderr or self._err, env=clean_env(env),
                                        preexec_fn=limit)
        self.pid = self.process.pid
        self.port = None
        t.after(self.end)

    def wait_listening(self):
        """Gives itself back when it listens; complains when it has ended instead."""
        def look():
            found = re.search(r'^Godwit \S+ listens at \S+:(\d+)\.$', self.stdout(), re.M)
            if not found and self.process.poll() is not None:
                raise AssertionError(f'{" ".join(self.args)} ended with '
                                     f'{self.process.returncode}; it said:\n{self.stderr()}')
            return found
        self.port = int(wait_until(look, 10 * PATIENCE, 'the server says where it listens')[1])
        return self

    def _read(self, file):
        with open(file.name, 'rb') as again:
            return again.read()

    def stdout(self):
        return self._read(self._out).decode()

    def log(self):
        """The log as bytes, since it may hold what a peer sent."""
        return self._read(self._err)

    def stderr(self):
        return self.log().decode(errors='backslashreplace')

    def wait_log(self, words, seconds=5):
        wait_until(lambda: words in self.stderr(), seconds * PATIENCE, f'the log says "{words}"')

    # --- from outside ---

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def wait_descriptors(self, count, seconds, what):
        end = time.monotonic() + seconds
        while self.descriptors() != count:
            if time.monotonic() > end:
                raise AssertionError(f'{what}: {self.descriptors()} descriptors after {seconds:g} '
                                     f's instead of {count}')
            time.sleep(0.02)

    def rss(self):
        """Resident bytes."""
        with open(f'/proc/{self.pid}/statm', encoding='ascii') as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def cpu(self):
        """Seconds of processor time, of the program and of the kernel for it."""
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    # --- the end ---

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds):
        """Its exit status; negative when a signal ended it."""
        return self.process.wait(seconds)

    def stop(self, seconds=5):
        """Asks it to end, and complains when it does not do so by itself and in time."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.wait(seconds * PATIENCE)
        assert status == 0, f'the server ended with {status}; it said:\n{self.stderr()[-4000:]}'

    def end(self):
        """However the case went: gone afterwards. A server that crashed is a failure of its own."""
        crashed = self.process.poll()
        if crashed is None:
            self.signal(signal.SIGKILL)
        self.process.wait(10)
        self._out.close()
        self._err.close()
        ours = (None, 0, 1, -signal.SIGTERM, -signal.SIGINT)
        assert crashed in ours, f'the server ended with {crashed}'


def start(t, *options, **more):
    return Server(t, *options, **more).wait_listening()
