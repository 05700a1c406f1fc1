"""What the server costs in system calls, as strace counts them.

The server runs under strace from its start; a case marks a window of time around what it does, and
reads the trace when the server is gone. A call belongs to the window in which it was entered: the
wait for the next thing to come too, although it is over only after the window."""
import collections
import os
import re
import shutil
import signal
import tempfile
import time

import server
import tap
import wire

WAITS = {'epoll_wait', 'epoll_pwait', 'epoll_pwait2'}
READS = {'read', 'readv', 'recvfrom', 'recvmsg'}
SENDS = {'write', 'writev', 'sendto', 'sendmsg'}
# The allocator's, which come when a size is reached for the first time: not a cost of each message.
MEMORY = {'brk', 'mmap', 'munmap', 'mremap', 'mprotect', 'madvise'}

LINE = re.compile(r'^(\d+) +(\d+\.\d+) (.*)$')
BEGIN = re.compile(r'^(\w+)\((\d*)')
RESUMED = re.compile(r'^<\.\.\. (\w+) resumed>')
RESULT = re.compile(r'\) += (-?\d+|\?)')

Call = collections.namedtuple('Call', 'time name fd result')


def parse(text):
    """The calls of a trace in the order in which they were entered, those that never ended too."""
    calls, open_calls = [], {}
    for line in text.splitlines():
        found = LINE.match(line)
        assert found, f'what strace wrote was not understood: {line!r}'
        thread, when, rest = found[1], float(found[2]), found[3]
        begin = BEGIN.match(rest)
        if begin:
            open_calls[thread] = len(calls)
            calls.append(Call(when, begin[1], int(begin[2] or -1), None))
        elif not RESUMED.match(rest):
            continue  # a signal, an exit, an exec that took another thread's place
        result = RESULT.findall(rest)
        if result and result[-1] != '?':
            index = open_calls[thread]
            calls[index] = calls[index]._replace(result=int(result[-1]))
    return calls


class Traced(server.Server):
    """A server under strace. `pid` is the server's own."""

    def __init__(self, t, *options):
        if not shutil.which('strace'):
            raise AssertionError('strace is not installed, and without it nothing can be counted')
        self._trace = tempfile.NamedTemporaryFile(prefix='godwit-trace-')
        # Its leak checker, where there is one, cannot work while it is traced.
        super().__init__(t, *options, env={'LSAN_OPTIONS': 'detect_leaks=0'},
                         wrap=['strace', '-f', '-ttt', '-s0', '-o', self._trace.name])
        try:
            self.wait_listening()
        except AssertionError as error:
            raise AssertionError(f'strace cannot trace here (is ptrace forbidden?): {error}') \
                from None
        with open(f'/proc/{self.pid}/task/{self.pid}/children', encoding='ascii') as file:
            self.pid = int(file.read().split()[0])

    def _asleep(self):
        states = []
        for thread in os.listdir(f'/proc/{self.pid}/task'):
            with open(f'/proc/{self.pid}/task/{thread}/stat', encoding='ascii') as file:
                states.append(file.read().rsplit(')', 1)[1].split()[0])
        return set(states) == {'S'}

    def settle(self):
        """Waits until it has slept, and strace has written nothing, for a tenth of a second."""
        def quiet():
            size = os.path.getsize(self._trace.name)
            for _ in range(10):
                if not self._asleep():
                    return False
                time.sleep(0.01)
            return size == os.path.getsize(self._trace.name)
        server.wait_until(quiet, 10, 'the server comes to rest')

    def window(self, work):
        """Does `work` and gives back the (begin, end) of it."""
        self.settle()
        begin = time.time()
        work()
        self.settle()
        return begin, time.time()

    def finish(self):
        """Ends it and gives back all of its calls."""
        self.stop()
        with open(self._trace.name, encoding='utf-8', errors='replace') as file:
            return parse(file.read())

    def end(self):
        if self.process.poll() is None and self.pid != self.process.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait(10)
        super().end()


def within(calls, window):
    return [call for call in calls
            if window[0] <= call.time < window[1] and call.name not in MEMORY]


def count(calls, names):
    return sum(call.name in names for call in calls)


def tell(calls):
    return ' '.join(f'{call.name}({call.fd})={call.result}' for call in calls[:60])


def echo_all(peer, frames, payload_len):
    """Sends `frames` in one write, and reads as many echoes."""
    peer.send(b''.join(frames))
    for _ in frames:
        assert len(peer.read_message()) == payload_len


def echo_windows(t, opcode, payload, rounds):
    running = Traced(t)
    peer = wire.open_websocket(t, running, '/echo')
    frames = [wire.frame(opcode, payload)] * 16
    echo_all(peer, frames, len(payload))  # the first time buffers grow
    windows = [running.window(lambda: echo_all(peer, frames, len(payload)))
               for _ in range(rounds)]
    calls = running.finish()
    return [within(calls, window) for window in windows]


@tap.case('50 idle subscribers cost no system call in 3 seconds')
def _(t):
    running = Traced(t)
    wire.subscribe_all(t, running, '/channels/idle', 50)
    window = running.window(lambda: time.sleep(3))
    calls = running.finish()
    t.check(count(calls, WAITS) > 0, 'the trace holds no wait at all: it was not understood')
    t.equal(tell(within(calls, window)), '', 'calls while nothing happened')


@tap.case('50 idle subscribers of a channel with history cost no system call either')
def _(t):
    running = Traced(t)
    peers = wire.subscribe_all(t, running, '/channels/idle', 50)
    peers[0].send(wire.frame(wire.TEXT, b'something to remember'))
    for peer in peers:
        t.equal(peer.read_message(), b'something to remember', 'the publication')
    window = running.window(lambda: time.sleep(3))
    t.equal(tell(within(running.finish(), window)), '', 'calls while nothing happened')


@tap.case('16 echoes that arrive in one read leave in one send, and cost wait, read, send')
def _(t):
    for calls in echo_windows(t, wire.TEXT, b'sixteen at a time', 5):
        t.note(tell(calls))
        t.equal([call.name for call in calls][:2], ['recvfrom', 'sendto'],
                'what follows the wait that was under way')
        t.equal(len(calls), 3, 'calls, with the next wait')
        t.check(calls[2].name in WAITS, f'the last call is {calls[2].name}')


@tap.case('16 echoes of 4 KiB need no more sends than reads')
def _(t):
    for calls in echo_windows(t, wire.BINARY, bytes(4096), 5):
        t.note(tell(calls))
        reads, sends = count(calls, READS), count(calls, SENDS)
        t.check(1 <= sends <= reads, f'{sends} sends for {reads} reads')
        t.equal(len(calls), reads + sends + count(calls, WAITS), 'reads, sends and waits')
        # More was sent than notsent_lowat: when it is gone the kernel says that there is room again,
        # in the wait that brings the next input or, on a busy machine, in one of its own.
        t.check(count(calls, WAITS) <= reads + sends,
                f'{count(calls, WAITS)} waits for {reads} reads and {sends} sends')


def read_all(peers, payloads):
    for peer in peers:
        for payload in payloads:
            assert peer.read_message() == payload, 'a subscriber got something else'


def post_costs(t, subscribers):
    """[(sends to subscribers, other calls)] of one publication by POST, some times over."""
    running = Traced(t)
    peers = wire.subscribe_all(t, running, '/channels/news', subscribers)
    publisher = wire.connect(t, running)

    def work():
        publisher.publish('news', b'one publication')
        read_all(peers, [b'one publication'])

    work()
    windows = [running.window(work) for _ in range(4)]
    calls = running.finish()
    costs = []
    for window in windows:
        inside = within(calls, window)
        t.note(tell(inside))
        # The answer goes to the descriptor that the request was read from.
        reads = [call.fd for call in inside if call.name in READS]
        t.equal(len(reads), 1, 'reads')
        to_others = [call for call in inside if call.name in SENDS and call.fd != reads[0]]
        t.equal(len({call.fd for call in to_others}), len(to_others), 'sends to one subscriber')
        costs.append((len(to_others), len(inside) - len(to_others)))
    return costs


@tap.case('a publication to N subscribers costs N sends and a constant', seconds=60)
def _(t):
    few, many = post_costs(t, 10), post_costs(t, 200)
    t.note(f'(sends, others) for 10: {few}, for 200: {many}')
    t.equal({sends for sends, _ in few}, {10}, 'sends to 10')
    t.equal({sends for sends, _ in many}, {200}, 'sends to 200')
    # Read the request, send its answer, wait again.
    t.equal({others for _, others in few + many}, {3}, 'the constant')


def burst_costs(t, subscribers, publish):
    """[calls] of 16 publications that arrive at once."""
    running = Traced(t, '--message-rate=10000')
    payloads = [b'publication %d' % number for number in range(16)]
    peers = wire.subscribe_all(t, running, '/channels/news', subscribers)
    work = publish(running, peers, payloads)

    work()
    windows = [running.window(work) for _ in range(4)]
    calls = running.finish()
    return [within(calls, window) for window in windows]


@tap.case('16 publications of one turn cost N sends, their publisher being one of the N',
          seconds=60)
def _(t):
    def publish(_running, peers, payloads):
        def work():
            peers[0].send(b''.join(wire.frame(wire.TEXT, payload) for payload in payloads))
            read_all(peers, payloads)
        return work

    for subscribers in (10, 200):
        for calls in burst_costs(t, subscribers, publish):
            t.note(tell(calls))
            t.equal(count(calls, READS), 1, 'reads')
            t.equal(count(calls, SENDS), subscribers, 'sends')
            t.equal(len(calls), subscribers + 2, 'calls: read, sends, wait')


@tap.case('16 pipelined POSTs of one turn cost N sends and one for all their answers', seconds=60)
def _(t):
    def publish(running, peers, payloads):
        publisher = wire.connect(t, running)
        request = 'POST /channels/news HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n'

        def work():
            publisher.send(b''.join(
                request.format(publisher.host, len(payload)).encode() + payload
                for payload in payloads))
            for _ in payloads:
                t.equal(publisher.answer()[0], 200, 'status')
            read_all(peers, payloads)
        return work

    for calls in burst_costs(t, 20, publish):
        t.note(tell(calls))
        t.equal(count(calls, READS), 1, 'reads')
        t.equal(count(calls, SENDS), 21, 'sends')
        t.equal(len(calls), 23, 'calls: read, sends, wait')


def accept_calls(t, running, work):
    """The calls by name of accepting a connection, which is closed after the window."""
    windows = []
    for _ in range(4):
        peer = []
        windows.append(running.window(lambda: peer.append(work())))
        peer[0].close()
    calls = running.finish()
    return [within(calls, window) for window in windows]


def check_accepting(t, windows):
    for calls in windows:
        t.note(tell(calls))
        names = collections.Counter(call.name for call in calls)
        tries = [call.result for call in calls if call.name == 'accept4']
        # An edge-triggered listener is asked until it has nothing more (EAGAIN is 11).
        t.check(len(tries) <= 2 and max(tries) >= 0, f'accept4 gave {tries}')
        t.equal((names['epoll_ctl'], count(calls, READS), count(calls, SENDS)), (1, 1, 1),
                'epoll_ctl, reads, sends')
        others = set(names) - {'accept4', 'epoll_ctl'} - READS - SENDS - WAITS
        t.equal(others, set(), 'what else accepting costs')
        t.check(count(calls, WAITS) <= 2, f'{count(calls, WAITS)} waits')


@tap.case('an accepted request costs accept4, epoll_ctl, a read, a send and no socket option')
def _(t):
    running = Traced(t)

    def work():
        peer = wire.connect(t, running)
        peer.ask('GET /health')
        assert peer.answer()[0] == 200
        return peer

    check_accepting(t, accept_calls(t, running, work))


@tap.case('an accepted subscriber costs the same')
def _(t):
    running = Traced(t)
    check_accepting(t, accept_calls(
        t, running, lambda: wire.open_websocket(t, running, '/channels/news')))


tap.run()
