"""A client's end of the wire, byte by byte: it can stop anywhere, which real clients cannot."""
import json
import os
import select
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b'\x37\xfa\x21\x3d'
KEY = 'dGhlIHNhbXBsZSBub25jZQ=='  # RFC 6455 section 1.3, with its answer:
ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='


def mask(payload):
    key = (MASK * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, 'big') ^ int.from_bytes(key, 'big')).to_bytes(len(payload),
                                                                                  'big')


def head(opcode, length, fin=True):
    """The header of a client's frame (RFC 6455 section 5.2), whatever may follow it."""
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        return struct.pack('!BB', first, 0x80 | length) + MASK
    if length < 65536:
        return struct.pack('!BBH', first, 0x80 | 126, length) + MASK
    return struct.pack('!BBQ', first, 0x80 | 127, length) + MASK


def frame(opcode, payload=b'', fin=True):
    return head(opcode, len(payload), fin) + mask(payload)


class Ended(Exception):
    """The server ended the connection, in order or by a reset."""


class Peer:
    """A connection. Reading waits at most `seconds` for each piece."""

    def __init__(self, server, seconds=10, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(seconds)
        self.socket.connect(('127.0.0.1', server.port))
        self.host = f'127.0.0.1:{server.port}'
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends it with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    # --- bytes ---

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise Ended(str(error)) from None

    def _more(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError as error:
            raise Ended(str(error)) from None
        if not data:
            raise Ended('end of file')
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            self._more()
        return self.take(self.buffer.index(mark) + len(mark))

    def readable(self, seconds=0):
        return bool(self.buffer) or bool(select.select([self.socket], [], [], seconds)[0])

    def wait_end(self, seconds):
        """Reads on until the connection ends, and complains when it does not in time."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                if select.select([self.socket], [], [], 0.05)[0]:
                    self.buffer = b''
                    self._more()
        except Ended:
            return
        raise AssertionError(f'the connection is still there after {seconds:g} s')

    # --- HTTP ---

    def ask(self, line, *headers, body=b'', host=None):
        """Sends a request in one write."""
        length = [f'Content-Length: {len(body)}'] if body or line.startswith('POST') else []
        lines = [f'{line} HTTP/1.1', f'Host: {host or self.host}', *length, *headers, '', '']
        self.send('\r\n'.join(lines).encode('latin-1') + body)

    def answer(self):
        """(status, headers, body) of an answer with a Content-Length, or of one without a body."""
        lines = self.take_until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        pairs = [line.split(': ', 1) for line in lines[1:] if line]
        headers = {name.lower(): value for name, value in pairs}
        return int(lines[0].split()[1]), headers, self.take(int(headers.get('content-length', 0)))

    def publish(self, channel, payload):
        """The offset that the publication got."""
        self.ask(f'POST /channels/{channel}', body=payload)
        status, _, body = self.answer()
        assert status == 200, f'publishing answered {status}: {body!r}'
        return json.loads(body)['offset']

    # --- WebSocket ---

    def upgrade(self, path, *headers):
        self.ask(f'GET {path}', 'Upgrade: websocket', 'Connection: Upgrade',
                 f'Sec-WebSocket-Key: {KEY}', 'Sec-WebSocket-Version: 13', *headers)

    def read_frame(self):
        """(opcode, payload) of a whole frame of the server."""
        first, second = self.take(2)
        assert first & 0x70 == 0 and first & 0x80, f'a frame begins with {first:#x}'
        length = second  # with the mask bit, which a server must not set, it is above 127
        if length == 126:
            length, = struct.unpack('!H', self.take(2))
        elif length == 127:
            length, = struct.unpack('!Q', self.take(8))
        else:
            assert length < 126, 'a server must not mask'
        return first & 0x0f, self.take(length)

    def read_message(self):
        opcode, payload = self.read_frame()
        assert opcode in (TEXT, BINARY), f'a message was due, not {opcode:#x} {payload!r}'
        return payload

    def read_close(self):
        """(code, reason) of the close frame; what comes before it is passed over."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                return struct.unpack('!H', payload[:2])[0], payload[2:]


def connect(t, server, **more):
    peer = Peer(server, **more)
    t.after(peer.close)
    return peer


def open_websocket(t, server, path, *headers, **more):
    """A WebSocket whose 101 has been read."""
    peer = connect(t, server, **more)
    peer.upgrade(path, *headers)
    status, fields, _ = peer.answer()
    assert status == 101, f'opening {path} answered {status}'
    assert fields['sec-websocket-accept'] == ACCEPT, 'a wrong Sec-WebSocket-Accept'
    return peer


def subscribe_all(t, server, path, count, **more):
    return [open_websocket(t, server, path, **more) for _ in range(count)]


def random_seed():
    return int.from_bytes(os.urandom(4), 'big')
