"""What an operator meets: clients that stop, flood, crawl and die, descriptors that run out, an end
that is asked for. Looked at from outside: what the others get, what the log says, and what the
server takes in memory, descriptors and processor time."""
import json
import os
import random
import re
import resource
import select
import signal
import socket
import threading
import time

import server
import tap
import wire

KIB = 1024
MIB = 1024 * KIB
FROZEN_BUFFER = 4096  # of a client that does not read: what the kernel holds for it stays small


def check_growth(t, running, before, limit, what):
    growth = running.rss() - before
    t.note(f'{what}: {growth / KIB:.0f} KiB more resident')
    if not server.SANITIZED:
        t.check(growth <= limit, f'{what}: {growth / KIB:.0f} KiB more resident, '
                                 f'and {limit / KIB:.0f} KiB are explained')


def time_since(begun):
    return time.monotonic() - begun


def ready_publisher(t, running):
    """A connection that the server has accepted: it counts among its descriptors."""
    publisher = wire.connect(t, running)
    publisher.publish('elsewhere', b'first')
    return publisher


def serves(t, running):
    with wire.Peer(running) as peer:
        peer.ask('GET /health')
        t.equal(peer.answer()[0], 200, 'status of /health')


# --- The end ---

def check_drain_frame(t, peer):
    code, reason = peer.read_close()
    t.equal(code, 1012, 'close code')
    said = json.loads(reason)
    t.equal(list(said), ['retry_ms'], 'the reason')
    t.check(isinstance(said['retry_ms'], int) and said['retry_ms'] > 0, f'the reason is {said}')


def check_stop(t, number, clients, silent):
    """`silent` of the `clients` never answer the close frame."""
    running = server.start(t, '--handshake-timeout=1s')
    peers = wire.subscribe_all(t, running, '/channels/end', clients)
    idle = wire.connect(t, running)
    idle.ask('GET /health')
    idle.answer()
    wire.connect(t, running).send(b'GET /health HT')  # half a head
    begun = time.monotonic()
    running.signal(number)
    for index, peer in enumerate(peers):
        check_drain_frame(t, peer)
        if index >= silent:
            peer.send(wire.frame(wire.CLOSE, b'\x03\xf4'))
    for peer in peers[silent:]:
        peer.wait_end(2 * server.PATIENCE)
    idle.wait_end(2 * server.PATIENCE)
    t.equal(running.wait(5 * server.PATIENCE), 0, 'exit status')
    t.check(time_since(begun) < 5 * server.PATIENCE, 'it took longer than 5 s')
    t.equal(running.stderr().count('saying goodbye'), 1, 'lines about the signal')


@tap.case('SIGTERM: 100 clients get 1012 and retry_ms, status 0, though 10 never answer')
def _(t):
    check_stop(t, signal.SIGTERM, 100, 10)


@tap.case('SIGINT does the same')
def _(t):
    check_stop(t, signal.SIGINT, 20, 5)


@tap.case('SIGTERM: when everybody answers, the end does not wait for a timeout')
def _(t):
    running = server.start(t, '--close-timeout=30s')
    peers = wire.subscribe_all(t, running, '/channels/end', 20)
    running.signal(signal.SIGTERM)
    for peer in peers:
        check_drain_frame(t, peer)
        peer.send(wire.frame(wire.CLOSE, b'\x03\xf4'))
        peer.wait_end(2 * server.PATIENCE)
        peer.close()
    t.equal(running.wait(2 * server.PATIENCE), 0, 'exit status')


@tap.case('SIGTERM: readers that are frozen in mid-message do not delay the end')
def _(t):
    running = server.start(t)
    frozen = wire.subscribe_all(t, running, '/channels/end', 5, receive_buffer=FROZEN_BUFFER)
    with wire.Peer(running) as publisher:
        for _ in range(8):
            publisher.publish('end', b'x' * 512 * KIB)
    running.signal(signal.SIGTERM)
    t.equal(running.wait(5 * server.PATIENCE), 0, 'exit status')
    for peer in frozen:
        peer.wait_end(2)


@tap.case('a second signal ends the process at once')
def _(t):
    running = server.start(t, '--close-timeout=30s')
    silent = wire.open_websocket(t, running, '/channels/end')
    running.signal(signal.SIGTERM)
    check_drain_frame(t, silent)
    running.signal(signal.SIGTERM)
    t.equal(running.wait(1 * server.PATIENCE), -signal.SIGTERM, 'how it ended')


@tap.case('a terminal that goes (SIGHUP) while the server says goodbye does not cut it short')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/channels/end')
    running.signal(signal.SIGTERM)
    check_drain_frame(t, peer)
    running.signal(signal.SIGHUP)
    t.equal(running.wait(5 * server.PATIENCE), 0, 'how it ended')


# --- The beginning ---

def check_address_in_use(t, port):
    second = server.Server(t, listen=f'127.0.0.1:{port}')
    t.equal(second.wait(5 * server.PATIENCE), 1, 'exit status')
    lines = second.stderr().splitlines()
    t.equal(len(lines), 1, f'lines ({lines})')
    t.check(f'127.0.0.1:{port}' in lines[0], f'the line does not name the address: {lines[0]}')
    t.equal(second.stdout(), '', 'what it said besides')


@tap.case('an address that another program uses: one line, exit status 1')
def _(t):
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        check_address_in_use(t, other.getsockname()[1])


@tap.case('an address that another Godwit uses: one line, exit status 1')
def _(t):
    first = server.start(t)
    check_address_in_use(t, first.port)
    serves(t, first)


@tap.case('an address that was in use a moment ago is free again')
def _(t):
    first = server.start(t)
    peer = wire.open_websocket(t, first, '/channels/news')
    first.signal(signal.SIGTERM)
    check_drain_frame(t, peer)  # it closes first: the kernel remembers the pair for a minute
    first.wait(5 * server.PATIENCE)
    again = server.start(t, listen=f'127.0.0.1:{first.port}')
    serves(t, again)


# --- Descriptors and connections ---

def connect_crowd(t, running, count):
    """Sockets that connect and say nothing; those that are turned away stay in the list."""
    crowd = []
    for _ in range(count):
        one = socket.socket()
        t.after(one.close)
        one.setblocking(False)
        one.connect_ex(('127.0.0.1', running.port))
        crowd.append(one)
    return crowd


def leave(crowd):
    for one in crowd:
        one.close()


def check_calm(t, running):
    before = running.cpu()
    time.sleep(2)
    used = running.cpu() - before
    t.check(used < 0.5, f'{used:.2f} s of processor time in 2 s of nothing')


@tap.case('300 clients at a server of 128 descriptors: calm, told in the log, and served again')
def _(t):
    running = server.start(t, '--handshake-timeout=30s', descriptors=128)
    start = running.descriptors()
    crowd = connect_crowd(t, running, 300)
    running.wait_log('max_connections is reached')
    check_calm(t, running)
    t.check(running.descriptors() <= 128 - 32, 'few descriptors are left for anything else')
    leave(crowd)
    running.wait_descriptors(start, 5 * server.PATIENCE, 'when all have left')
    serves(t, running)


@tap.case('descriptors run out under it (EMFILE): calm, told in the log, and served again')
def _(t):
    running = server.start(t, '--handshake-timeout=30s', descriptors=128)
    start = running.descriptors()
    # Fewer than its max_connections counts on, as when something else in the process takes them.
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (start + 20, 128))
    before = wire.open_websocket(t, running, '/channels/news')
    crowd = connect_crowd(t, running, 300)
    running.wait_log('no descriptors are left')
    check_calm(t, running)
    with_one = len(re.findall('no descriptors are left', running.stderr()))
    t.note(f'{with_one} lines about descriptors')
    before.send(wire.frame(wire.TEXT, b'still here'))
    t.equal(before.read_message(), b'still here', 'the publication')
    leave(crowd)
    running.wait_descriptors(start + 1, 5 * server.PATIENCE, 'when the crowd has left')
    serves(t, running)


@tap.case('not even the reserved descriptor is left: calm, and served again when there are some')
def _(t):
    running = server.start(t, '--handshake-timeout=30s', descriptors=128)
    before = wire.open_websocket(t, running, '/channels/news')
    start = running.descriptors()
    # No number is below it that is not in use: what is closed now cannot be opened again.
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (3, 128))
    crowd = connect_crowd(t, running, 20)
    check_calm(t, running)
    before.send(wire.frame(wire.TEXT, b'still here'))
    t.equal(before.read_message(), b'still here', 'the publication')
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (128, 128))
    running.wait_descriptors(start + 20, 5, 'those who waited are accepted')
    leave(crowd)
    running.wait_descriptors(start, 5, 'when the crowd has left')
    serves(t, running)


@tap.case('max_connections: the next one gets 503, and a place that becomes free is given again')
def _(t):
    running = server.start(t, '--max-connections=5')
    peers = wire.subscribe_all(t, running, '/channels/news', 5)
    with wire.Peer(running) as sixth:
        status, fields, _ = sixth.answer()  # it need not even ask
        t.equal(status, 503, 'status')
        t.check('retry-after' in fields, f'no Retry-After: {fields}')
        sixth.wait_end(2)
    running.wait_log('max_connections is reached')
    descriptors = running.descriptors()
    peers.pop().close()
    running.wait_descriptors(descriptors - 1, 5, 'when one has left')
    wire.open_websocket(t, running, '/channels/news')


# --- Readers that do not read ---

def check_frozen_readers(t, limit, *options):
    """2,000 publications of 1 KiB to 20 readers of which 10 are frozen, cut after write_timeout."""
    running = server.start(t, '--write-timeout=2s', *options)
    healthy = wire.subscribe_all(t, running, '/channels/news', 10)
    publisher = ready_publisher(t, running)
    start = running.descriptors()
    frozen = wire.subscribe_all(t, running, '/channels/news', 10, receive_buffer=FROZEN_BUFFER)
    before = running.rss()
    for number in range(2000):
        payload = b'%07d ' % number + b'x' * (KIB - 8)
        publisher.publish('news', payload)
        for peer in healthy:
            t.equal(peer.read_message(), payload, 'the next message of a healthy reader')
    ended = time.monotonic()
    check_growth(t, running, before, limit, 'with ten frozen readers')
    # Progress ended when their buffers were full, long before the last publication: write_timeout
    # from here on, and a second for a busy machine.
    running.wait_descriptors(start, 3 * server.PATIENCE, 'frozen readers are cut')
    t.note(f'frozen readers were gone {time_since(ended):.1f} s after the last publication')
    publisher.publish('news', b'the last one')
    for peer in healthy:
        t.equal(peer.read_message(), b'the last one', 'what comes after the cut')
    for peer in frozen:
        peer.wait_end(2)


# What is explained: the history and the live log of the channel (100 x 1 KiB, and 256 KiB), the
# same again as units, and for a frozen reader a record and one pinned chunk of units. A queue for
# each reader would hold 10 x 2,000 x 1 KiB less what the kernel takes: 18 MiB.
@tap.case('10 of 20 readers are frozen: the others get all in order, memory is bounded',
          seconds=60)
def _(t):
    check_frozen_readers(t, 5 * MIB)


# Here nothing falls off the end, so that it is write_timeout alone which cuts. The whole history is
# kept once as publications and once as units: 2 x 2 MiB, with their heads 5 MiB.
@tap.case('frozen readers are cut by write_timeout also while the history holds what they lack',
          seconds=60)
def _(t):
    check_frozen_readers(t, 8 * MIB, '--history=5000', '--history-bytes=16MiB')


@tap.case('write_timeout: a reader that takes nothing is cut after that time, not twice that')
def _(t):
    running = server.start(t, '--write-timeout=2s')
    publisher = ready_publisher(t, running)
    start = running.descriptors()
    wire.open_websocket(t, running, '/channels/news', receive_buffer=FROZEN_BUFFER)
    publisher.publish('news', b'x' * MIB)  # far more than the kernel takes for it
    blocked = time.monotonic()
    running.wait_descriptors(start, 10 * server.PATIENCE, 'the frozen reader is cut')
    took = time.monotonic() - blocked
    t.check(1.9 <= took <= 3 * server.PATIENCE, f'it was cut after {took:.2f} s')


@tap.case('message_timeout: a reader that takes a little all the time is cut at the deadline')
def _(t):
    running = server.start(t, '--write-timeout=2s', '--message-timeout=3s')
    publisher = ready_publisher(t, running)
    start = running.descriptors()
    reader = wire.open_websocket(t, running, '/channels/news', receive_buffer=FROZEN_BUFFER)
    publisher.publish('news', b'x' * MIB)
    begun = time.monotonic()
    while running.descriptors() > start and time_since(begun) < 10 * server.PATIENCE:
        reader.socket.recv(2 * KIB)
        time.sleep(0.1)
    t.check(2.9 <= time_since(begun) <= 4 * server.PATIENCE,
            f'it was cut after {time_since(begun):.2f} s')


@tap.case('pong_timeout: who does not answer a ping is cut, who does stays')
def _(t):
    running = server.start(t, '--ping-interval=400ms', '--pong-timeout=800ms')
    dead, alive = wire.subscribe_all(t, running, '/channels/news', 2)
    begun = time.monotonic()
    pings = 0
    while time_since(begun) < 2.5:
        opcode, payload = alive.read_frame()
        t.equal(opcode, wire.PING, 'opcode')
        pings += 1
        alive.send(wire.frame(wire.PONG, payload))
    t.check(5 <= pings <= 9, f'{pings} pings in 2.5 s')
    dead.wait_end(0.2 * server.PATIENCE)
    is_alive(t, alive)


# Of each: input that was read and waits (at most two reads of 256 KiB), and what the socket did not
# take (max_private, a message and a tray, 64 KiB each).
@tap.case('clients that pipeline echoes and do not read: memory is bounded, and they are cut',
          seconds=60)
def _(t):
    running = server.start(t, '--write-timeout=2s')
    start, before = running.descriptors(), running.rss()
    peers = wire.subscribe_all(t, running, '/echo', 10, receive_buffer=FROZEN_BUFFER)
    flood = wire.frame(wire.BINARY, bytes(KIB)) * 1024
    for peer in peers:
        peer.socket.setblocking(False)
    sent, highest = {peer.socket: 0 for peer in peers}, 0
    end = time.monotonic() + 15 * server.PATIENCE
    while sent and time.monotonic() < end:
        for one in select.select([], list(sent), [], 0.05)[1]:
            # In the middle of a frame or not: each write goes on where the last one stopped.
            try:
                at = sent[one] % len(flood)
                sent[one] += one.send(flood[at:])
            except BlockingIOError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                t.note(f'one was cut after {sent.pop(one)} bytes')
        highest = max(highest, running.rss())
    t.equal(len(sent), 0, 'clients that were not cut')
    if not server.SANITIZED:
        t.check(highest - before <= 10 * 704 * KIB + MIB,
                f'{(highest - before) / KIB:.0f} KiB more resident')
    running.wait_descriptors(start, 5, 'when all are cut')
    serves(t, running)


@tap.case('echoes for a client that reads late come late, whole and in order')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/echo', receive_buffer=FROZEN_BUFFER)
    total = 8192
    flood = b''.join(wire.frame(wire.BINARY, b'%07d ' % number * 128) for number in range(total))
    # Until the server has taken nothing for half a second, it is not read from.
    sent = 0
    while sent < len(flood) and select.select([], [peer.socket], [], 0.5)[1]:
        sent += peer.socket.send(flood[sent:sent + 64 * KIB], socket.MSG_DONTWAIT)
    t.check(sent < len(flood), 'the server reads on though nobody takes its echoes')
    writer = threading.Thread(target=peer.send, args=[flood[sent:]])
    writer.start()
    t.after(writer.join)
    for number in range(total):
        t.equal(peer.read_message(), b'%07d ' % number * 128, 'the next echo')


# --- Clients that send too much ---

def check_closed(t, peer, code):
    t.equal(peer.read_close()[0], code, 'close code')
    peer.wait_end(4 * server.PATIENCE)


def is_alive(t, peer):
    """Answers a ping, when everything before it has been dealt with."""
    peer.send(wire.frame(wire.PING, b'alive?'))
    opcode, payload = peer.read_frame()
    t.equal((opcode, payload), (wire.PONG, b'alive?'), 'the answer to a ping')


@tap.case('1,000 pings at once are closed with 1008, and answered by no more pongs than reads')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/echo')
    peer.send(wire.frame(wire.PING, b'?') * 1000)
    check_closed(t, peer, 1008)
    # control_rate is 10, its burst twice that: so many may come and not one more.
    peer = wire.open_websocket(t, running, '/echo')
    peer.send(wire.frame(wire.PING, b'!') * 19)
    t.equal(peer.read_frame(), (wire.PONG, b'!'), 'one pong for what came in one read')
    is_alive(t, peer)


@tap.case('message_rate: its burst is served, more is closed with 4429')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/channels/news')
    peer.send(wire.frame(wire.TEXT, b'm') * 100)
    for _ in range(100):
        t.equal(peer.read_message(), b'm', 'a message of the burst')
    is_alive(t, peer)
    other = wire.open_websocket(t, running, '/channels/other')
    other.send(wire.frame(wire.TEXT, b'm') * 300)
    check_closed(t, other, 4429)
    is_alive(t, peer)


@tap.case('byte_rate: a second\'s worth is served, much more is closed with 4429')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/channels/news')
    piece = wire.frame(wire.BINARY, bytes(60 * KIB))
    peer.send(piece * 4)
    for _ in range(4):
        t.equal(len(peer.read_message()), 60 * KIB, 'bytes of a message')
    is_alive(t, peer)
    other = wire.open_websocket(t, running, '/channels/other')
    other.send(piece * 20)
    check_closed(t, other, 4429)


@tap.case('/echo is exempt from both rates')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/echo')
    for _ in range(20):
        peer.send(wire.frame(wire.BINARY, bytes(32 * KIB)) * 10)
        for _ in range(10):
            t.equal(len(peer.read_message()), 32 * KIB, 'bytes of an echo')
    is_alive(t, peer)


@tap.case('max_message: a message of just that size is taken, one byte more is closed with 1009')
def _(t):
    running = server.start(t)
    peer = wire.open_websocket(t, running, '/echo')
    peer.send(wire.frame(wire.BINARY, bytes(64 * KIB)))
    t.equal(len(peer.read_message()), 64 * KIB, 'bytes of the echo')
    peer.send(wire.frame(wire.BINARY, bytes(64 * KIB + 1)))
    check_closed(t, peer, 1009)
    # In two fragments neither of which is too long; and merely announced.
    peer = wire.open_websocket(t, running, '/echo')
    peer.send(wire.frame(wire.BINARY, bytes(64 * KIB), fin=False) + wire.frame(0, b'!'))
    check_closed(t, peer, 1009)
    before = running.rss()
    peer = wire.open_websocket(t, running, '/echo')
    peer.send(wire.head(wire.BINARY, 1 << 40))
    check_closed(t, peer, 1009)
    check_growth(t, running, before, MIB, 'for a terabyte that was announced')


@tap.case('max_fragments: so many are taken, one more is closed with 1008, empty ones too')
def _(t):
    running = server.start(t)

    def fragments(count, payload):
        peer = wire.open_websocket(t, running, '/echo')
        peer.send(wire.frame(wire.TEXT, payload, fin=False) +
                  wire.frame(0, payload, fin=False) * (count - 2) + wire.frame(0, payload))
        return peer

    for payload in (b'f', b''):
        t.equal(fragments(1024, payload).read_message(), payload * 1024, 'the message')
        check_closed(t, fragments(1025, payload), 1008)
    before = running.rss()
    peer = wire.open_websocket(t, running, '/echo')
    try:
        peer.send(wire.frame(wire.TEXT, fin=False) + wire.frame(0, fin=False) * 1000000)
    except wire.Ended:
        pass  # it may be gone before it has taken them all
    check_growth(t, running, before, 2 * MIB, 'for a million empty fragments')


# --- Clients that are slow to ask ---

@tap.case('half a head: 408 after handshake_timeout, also when a byte comes every 0.2 s')
def _(t):
    running = server.start(t, '--handshake-timeout=1s')
    begun = time.monotonic()
    half, silent, drip = (wire.connect(t, running) for _ in range(3))
    half.send(b'GET /health HTTP/1.1\r\nHost: local')
    text = b'GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ' + b'slow' * 50
    for byte in text:
        if drip.readable(0.2):
            break
        drip.send(bytes([byte]))
    dripped = time_since(begun)
    for peer in (drip, half):
        status, fields, _ = peer.answer()
        t.equal(status, 408, 'status')
        t.equal(fields.get('connection'), 'close', 'Connection')
        peer.wait_end(2 * server.PATIENCE)
    silent.wait_end(2 * server.PATIENCE)  # which asked nothing and is answered nothing
    t.check(0.9 <= dripped <= 1.6 * server.PATIENCE, f'it was told after {dripped:.2f} s')


@tap.case('half a body: 408 after body_timeout, absolute')
def _(t):
    running = server.start(t, '--body-timeout=1s')
    begun = time.monotonic()
    drip = wire.connect(t, running)
    drip.send(f'POST /channels/slow HTTP/1.1\r\nHost: {drip.host}\r\nContent-Length: 1000\r\n\r\n'
              .encode())
    while not drip.readable(0.2) and time_since(begun) < 20:
        drip.send(b'x')
    t.equal(drip.answer()[0], 408, 'status')
    t.check(0.9 <= time_since(begun) <= 1.8 * server.PATIENCE,
            f'it was told after {time_since(begun):.2f} s')


@tap.case('413 can be read although the client goes on sending: the close lingers')
def _(t):
    running = server.start(t)
    before = running.rss()
    cases = {'a length': (b'Content-Length: 10485760', b'x' * 65536),
             'chunks': (b'Transfer-Encoding: chunked', b'10000\r\n' + b'x' * 65536 + b'\r\n')}
    for name, (field, piece) in cases.items():
        peer = wire.connect(t, running)
        peer.send(b'POST /channels/big HTTP/1.1\r\nHost: ' + peer.host.encode() + b'\r\n' + field +
                  b'\r\n\r\n')
        for _ in range(60):  # 3.75 MiB, of which max_body takes one
            peer.send(piece)
        status, _, body = peer.answer()
        t.equal(status, 413, f'status for {name}')
        t.check(json.loads(body)['type'], f'a problem without a type: {body}')
        peer.wait_end(4 * server.PATIENCE)
    check_growth(t, running, before, 4 * MIB, 'after two bodies')


# --- Clients that die ---

def doomed_client(running, source, ready):
    """In a process of its own: leaves frames cut at random bytes, and waits for its death."""
    peer = wire.Peer(running)
    path = source.choice(['/channels/news', '/echo', '/channels/other'])
    peer.upgrade(path)
    if source.random() < 0.8:
        peer.take_until(b'\r\n\r\n')
        whole = b''.join([wire.frame(wire.TEXT, b'first', fin=False), wire.frame(wire.PING, b'?'),
                          wire.frame(0, b'x' * 300, fin=False), wire.frame(0, b'y' * 70000)])
        peer.send(whole[:source.randrange(len(whole) if source.random() < 0.5 else 330)])
    os.write(ready, b'!')
    signal.pause()


def spawn_doomed(running, seed, ready):
    child = os.fork()
    if child == 0:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            doomed_client(running, random.Random(seed), ready)
        finally:
            os._exit(1)
    return child


@tap.case('kill -9 of 50 clients within frames: the others hear everything, descriptors return')
def _(t):
    running = server.start(t)
    seed = wire.random_seed()
    t.note(f'seed {seed}')
    listeners = wire.subscribe_all(t, running, '/channels/news', 5)
    publisher = wire.connect(t, running)
    publisher.publish('news', b'begin')
    start = running.descriptors()
    heard, ready = os.pipe()
    children = []
    for number in range(50):
        children.append(spawn_doomed(running, seed + number, ready))
        publisher.publish('news', b'while they come %d' % number)
    for _ in range(50):
        t.equal(os.read(heard, 1), b'!', 'a client that is where it wants to die')
    os.close(heard)
    os.close(ready)
    t.check(running.descriptors() >= start + 50, 'the doomed are connected')
    for number, child in enumerate(children):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        publisher.publish('news', b'while they die %d' % number)
    wanted = ([b'begin'] + [b'while they come %d' % number for number in range(50)] +
              [b'while they die %d' % number for number in range(50)])
    for peer in listeners:
        t.equal([peer.read_message() for _ in wanted], wanted, 'what a listener heard')
    running.wait_descriptors(start, 5 * server.PATIENCE, 'when they are dead')
    running.stop()


@tap.case('200 connections that are reset at once leave nothing behind')
def _(t):
    running = server.start(t)
    start = running.descriptors()
    peers = wire.subscribe_all(t, running, '/channels/news', 100)
    peers += [wire.connect(t, running) for _ in range(100)]
    with wire.Peer(running) as publisher:
        publisher.publish('news', b'x' * 100000)
    for peer in peers:
        peer.reset()
    running.wait_descriptors(start, 5 * server.PATIENCE, 'when they are reset')
    with wire.Peer(running) as publisher:
        publisher.ask('POST /channels/news', body=b'to nobody')
        t.equal(json.loads(publisher.answer()[2])['subscribers'], 0, 'subscribers')
    running.stop()


# --- The log ---

LINE = re.compile(rb'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARN|ERROR) \w+: .*$')


def check_log_form(t, running):
    """Every line has its form, and no byte of it can move a terminal's cursor."""
    log = running.log()
    t.check(log.endswith(b'\n'), 'the last line has no end')
    for line in log[:-1].split(b'\n'):
        t.check(LINE.match(line), f'a line of another form: {line!r}')
        text = line.decode()  # fails for what is not UTF-8
        t.check(all(one.isprintable() for one in text), f'a line that is not all text: {line!r}')
        t.check(len(line) < 4096, f'a line of {len(line)} bytes')


@tap.case('hostile Origin headers are escaped and take one line each')
def _(t):
    running = server.start(t)
    hostile = [  # as bytes of Latin-1; some a field may not even hold (400)
        'http://evil\x1b[31m.example', 'http://"quoted"\\.example', 'http://bell\x07.example',
        'http://csi\x9b31m.example', 'http://not-utf8-\xff\xfe.example',
        'http://c1-\xc2\x9b31m.example', 'http://line-\xe2\x80\xa8separator.example',
        'http://turned-\xe2\x80\xaeround.example', 'http://evil" host="localhost',
        'http://evil.example 2026-01-01T00:00:00.000Z INFO stop: gone', 'null',
        'http://' + 'long.' * 1000 + 'example']
    refused = 0
    for origin in hostile:
        peer = wire.connect(t, running)
        peer.ask('GET /health', f'Origin: {origin}')
        status = peer.answer()[0]
        t.check(status in (400, 403), f'{origin!r} was answered {status}')
        refused += status == 403
    t.check(refused >= 8, f'only {refused} were judged by their origin')
    lines = [line for line in running.log().split(b'\n') if b' origin: ' in line[:50]]
    t.equal(len(lines), refused, 'lines about origins')
    check_log_form(t, running)
    quoted = [line for line in lines if b'quoted' in line]
    t.equal(len(quoted), 1, 'lines about the origin with quotes')
    t.check(rb'\x22quoted\x22\x5c.example' in quoted[0], f'not escaped: {quoted[0]!r}')
    forged = [line for line in lines if b'host=' in line and b'evil\\x22' in line]
    t.equal(len(forged), 1, 'lines with the forged field, whose quote is escaped')


@tap.case('an API key never appears in the log, wherever it is sent')
def _(t):
    key, wrong = 'sesame-open-0123456789', 'sesame-shut-9876543210'
    running = server.start(t, '--open=off', env={'GODWIT_API_KEYS': key})
    for secret, good in ((key, True), (wrong, False)):
        bearer = f'Authorization: Bearer {secret}'
        with wire.Peer(running) as peer:
            peer.ask('POST /channels/news', bearer, body=b'hi')
            t.equal(peer.answer()[0], 200 if good else 401, 'status of publishing')
        subscriptions = [
            ('/channels/news', bearer), (f'/channels/news?token={secret}',),
            ('/channels/news', f'Sec-WebSocket-Protocol: godwit, bearer.{secret}')]
        for path, *headers in subscriptions:
            peer = wire.open_websocket(t, running, path, *headers)
            if good:
                is_alive(t, peer)
            else:
                t.equal(peer.read_close()[0], 4401, 'close code')
        for line, *headers in [
                ('GET /health', bearer, 'Origin: http://evil.example'),
                (f'GET /channels/news?token={secret}', 'Origin: http://evil.example'),
                (f'GET /nowhere/{secret}?token={secret}', bearer),
                (f'BREW /channels/news?token={secret}', bearer),
                (f'GET /channels/news?token={secret}', bearer, 'Upgrade: websocket'),
                ('GET /health', bearer + ' ', 'Authorization : Bearer ' + secret)]:
            with wire.Peer(running) as peer:
                peer.ask(line, *headers)
                t.check(peer.answer()[0] >= 400 or line == 'GET /health', f'{line} was served')
    running.stop()
    t.check(b'origin: ' in running.log(), 'nothing was logged at all')
    for secret in (key, wrong):
        t.check(secret.encode() not in running.log(), 'the key is in the log')
        t.check(secret not in running.stdout(), 'the key is on stdout')


@tap.case('log_rate: what is above it is counted, and the count is told')
def _(t):
    running = server.start(t, '--log-rate=3')

    def refuse_one():
        with wire.Peer(running) as peer:
            peer.ask('GET /health', 'Origin: http://evil.example')
            t.equal(peer.answer()[0], 403, 'status')

    begun = time.monotonic()
    for _ in range(50):
        refuse_one()
    seconds = int(time.monotonic() - begun) + 2  # begun and ended within some second
    time.sleep(1.1)  # the next line comes in another second
    refuse_one()
    log = running.stderr()
    # Both the lines and the count are of one kind.
    counts = [int(number) for number in re.findall(r'left out count=(\d+)', log)]
    written = log.count('evil.example')
    t.equal(written + sum(counts), 51, f'lines and counts ({written} and {counts})')
    t.check(4 <= written <= 3 * seconds + 1, f'{written} lines in {seconds} s')
    check_log_form(t, running)


@tap.case('a log whose reader is gone stops nothing')
def _(t):
    reader, log = os.pipe()
    running = server.start(t, stderr=log)
    os.close(log)
    os.close(reader)
    for _ in range(3):
        with wire.Peer(running) as peer:
            peer.ask('GET /health', 'Origin: http://evil.example')
            t.equal(peer.answer()[0], 403, 'status')
    serves(t, running)
    running.stop()


tap.run()
