"""Tells the Argosy agent on this device about inferences: one small datagram each, fire and forget.

    observer = Observer("/run/argosy/observe.sock")
    observer.observe("digits", latency_us=850, predicted=7, confidence=0.98)

A call never blocks and raises nothing because of the agent: when it is absent or behind, the observation is dropped and
the answer is False. Python 3 alone, no packages. The format: docs/observations.md.
"""

import socket
import struct

MAX_BYTES = 1024


def _head(major, value):
    """A CBOR data item's head in its shortest form: RFC 8949, section 3."""
    for small, width, limit in ((24, "B", 1 << 8), (25, "H", 1 << 16), (26, "I", 1 << 32), (27, "Q", 1 << 64)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < limit:
            return struct.pack(">B" + width, major << 5 | small, value)
    raise ValueError(f"{value} does not fit 64 bits")


def _integer(value):
    value = int(value)
    return _head(0, value) if value >= 0 else _head(1, -1 - value)


def _text(value):
    data = value.encode()
    return _head(3, len(data)) + data


def _float(value):
    return struct.pack(">Bf", 0xFA, value)


def _double(value):
    return struct.pack(">Bd", 0xFB, value)


def encode(
    model, latency_us, ok=True, release=None, predicted=None, confidence=None, label=None, features=None, numbers=None
):
    """The datagram's bytes. `numbers` are the program's own, by name. ValueError when it is longer than MAX_BYTES."""
    pairs = [("m", _text(model))]
    if release is not None:
        pairs.append(("r", _text(release)))
    pairs += [("us", _integer(latency_us)), ("ok", b"\xf5" if ok else b"\xf4")]
    if predicted is not None:
        pairs.append(("p", _integer(predicted)))
    if confidence is not None:
        pairs.append(("c", _float(confidence)))
    if label is not None:
        pairs.append(("l", _integer(label)))
    if features is not None and len(features) > 0:
        pairs.append(("f", _head(4, len(features)) + b"".join(map(_float, features))))
    if numbers:
        pairs.append(("n", _head(5, len(numbers)) + b"".join(_text(k) + _double(v) for k, v in numbers.items())))
    data = _head(5, len(pairs)) + b"".join(_text(key) + value for key, value in pairs)
    if len(data) > MAX_BYTES:
        raise ValueError(f"an observation of {len(data)} bytes: at most {MAX_BYTES}; send fewer features or numbers")
    return data


class Observer:
    """Sends to the agent's socket, which need not exist yet. Safe from several threads."""

    def __init__(self, socket_path):
        self._path = socket_path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def observe(self, model, latency_us, **optional):
        """Sends one observation; the arguments are those of `encode`. True when the agent has it, False when dropped."""
        data = encode(model, latency_us, **optional)
        try:
            self._socket.sendto(data, self._path)
        except OSError:
            return False
        return True

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
