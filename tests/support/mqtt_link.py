"""A client of MQTT 3.1.1 over TLS, one packet at a time, for devices that a test plays; it can also send what no client
should. Blocking, with a deadline on every read; one thread each."""
import socket
import ssl
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


class Refused(Exception):
    """The broker did not accept the connection, with the code of its CONNACK."""


def field(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">H", len(data)) + data


def packet(kind, flags, body):
    length, size = b"", len(body)
    while True:
        size, byte = size >> 7, size & 0x7f
        length += bytes([byte | (0x80 if size else 0)])
        if not size:
            return bytes([kind << 4 | flags]) + length + body


class MqttLink:
    def __init__(self, port, identity, *, client=None, will=None, keep_alive_s=60, timeout_s=10):
        """`identity`: TlsFiles; `client`: its name, by default of the certificate's file; `will`: (topic, payload)."""
        context = ssl.create_default_context(cafile=identity.ca)
        context.check_hostname = False
        context.load_cert_chain(identity.certificate, identity.key)
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        try:
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise
        self.buffer, self.last_id, self.messages = b"", 0, []
        flags = 0x02 | (0x0c if will else 0)  # a clean session; a will of QoS 1
        body = field("MQTT") + bytes([4, flags]) + struct.pack(">H", keep_alive_s) + field(client or identity.certificate.stem)
        if will:
            body += field(will[0]) + field(will[1])
        try:
            self.send_raw(packet(CONNECT, 0, body))
            kind, _, answer = self.read_packet()
            if kind != CONNACK or answer[1] != 0:
                raise Refused(answer)
        except BaseException:
            self.socket.close()
            raise

    def send_raw(self, data):
        self.socket.sendall(data)

    def publish(self, topic, payload, *, retain=False, wait=True):
        """With QoS 1; returns once the broker has it."""
        self.last_id = self.last_id % 65535 + 1
        payload = payload.encode() if isinstance(payload, str) else payload
        self.send_raw(packet(PUBLISH, 0x02 | retain, field(topic) + struct.pack(">H", self.last_id) + payload))
        while wait:
            kind, _, body = self.read_packet()
            if kind == PUBACK and struct.unpack(">H", body[:2])[0] == self.last_id:
                return

    def subscribe(self, *topics):
        """What the broker granted for each: 0, 1 or 128."""
        self.last_id = self.last_id % 65535 + 1
        self.send_raw(packet(SUBSCRIBE, 0x02, struct.pack(">H", self.last_id) + b"".join(field(t) + b"\x01" for t in topics)))
        while True:
            kind, _, body = self.read_packet()
            if kind == SUBACK:
                return list(body[2:])

    def receive(self, timeout_s):
        """The next message (topic, payload), or None when none comes in time."""
        if not self.messages:
            self.socket.settimeout(timeout_s)
            try:
                while not self.messages:
                    self.read_packet()
            except (TimeoutError, ssl.SSLWantReadError):
                return None
            finally:
                self.socket.settimeout(10)
        return self.messages.pop(0)

    def read_packet(self):
        """(kind, flags, body) of the next packet; messages are acknowledged and kept for receive()."""
        while True:
            whole = self._take_packet()
            if whole:
                kind, flags, body = whole
                if kind == PUBLISH:
                    self._keep_message(flags, body)
                return kind, flags, body
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionError("the broker ended the connection")
            self.buffer += more

    def _take_packet(self):
        size, shift = 0, 0
        for at in range(1, min(len(self.buffer), 5)):
            size |= (self.buffer[at] & 0x7f) << shift
            shift += 7
            if not self.buffer[at] & 0x80:
                end = at + 1 + size
                if len(self.buffer) < end:
                    return None
                first, body, self.buffer = self.buffer[0], self.buffer[at + 1:end], self.buffer[end:]
                return first >> 4, first & 0x0f, body
        return None

    def _keep_message(self, flags, body):
        length = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:2 + length].decode(), body[2 + length:]
        if flags & 0x06:
            self.send_raw(packet(PUBACK, 0, rest[:2]))
            rest = rest[2:]
        self.messages.append((topic, rest))

    def ping(self):
        self.send_raw(packet(PINGREQ, 0, b""))

    def close(self):
        """Without a word: what was the will is published."""
        self.socket.close()
