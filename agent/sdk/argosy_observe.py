"""Tells the Argosy agent on this device about inferences: one small datagram each, fire and forget.

    observer = Observer("/run/argosy/observe.sock")
    observer.observe("digits", latency_us=850, predicted=7, confidence=0.98)

A label that comes later is told by the observation's id:

    id = observation_id()
    observer.observe("digits", latency_us=850, predicted=7, id=id)
    observer.label(id, 7)

Shadow runs: before a new version is activated, a program that can asks it beside the one that serves, for a sample of its
inputs, and tells how the answers compare; neither inputs nor answers go to the agent.

    found = candidate("/var/lib/argosy/models/digits")  # None: no shadow run now; look once in a while
    observer.shadow("digits", found.version, agreed=old == new, old_right=old == label, new_right=new == label)

A call never blocks and raises nothing because of the agent: when it is absent or behind, the observation is dropped and
the answer is False. Python 3 alone, no packages. The format: docs/observations.md.
"""

import collections
import math
import os
import secrets
import socket
import struct

MAX_BYTES = 1024

Candidate = collections.namedtuple("Candidate", ["version", "path"])


def candidate(model_folder):
    """The version that the agent would have asked beside the one that serves, with the path of its model file; None when
    there is none: then the program forgets the candidate that it has. `model_folder` is ROOT/models/MODEL."""
    try:
        with open(os.path.join(model_folder, "candidate"), encoding="utf-8") as file:
            words = file.read(4096).split()
    except OSError:
        return None
    return Candidate(words[0], os.path.join(model_folder, words[1])) if len(words) == 2 else None


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
    data = value.encode("utf-8", "replace")
    return _head(3, len(data)) + data


def _float(value):
    try:
        return struct.pack(">Bf", 0xFA, value)
    except OverflowError:  # beyond what 32 bits hold: infinite there, as it is in C
        return struct.pack(">Bf", 0xFA, math.copysign(math.inf, value))


def _double(value):
    return struct.pack(">Bd", 0xFB, value)


def observation_id():
    """A new id for an observation whose label comes later: a random number, so that it tells nothing of the input."""
    return secrets.randbelow((1 << 63) - 1) + 1


def entropy_of(probabilities):
    """How undecided a prediction is, in nats, from the probabilities of its classes, which add up to 1: 0 when one class
    has all, log(count) when each has as much."""
    return max(0.0, -sum(p * math.log(p) for p in map(float, probabilities) if p > 0))


def encode(
    model,
    latency_us,
    ok=True,
    release=None,
    predicted=None,
    confidence=None,
    label=None,
    features=None,
    numbers=None,
    entropy=None,
    tags=None,
    runtime=None,
    id=None,
):
    """The datagram's bytes. `numbers` are the program's own, by name; `entropy` is in nats; `tags` tell what kind of
    inference it was, as {"camera": "left"}; `runtime` is what ran the model, as "onnxruntime 1.22.0"; `id`, from
    observation_id(), is by what its label will be told later. ValueError when it is longer than MAX_BYTES."""
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
    if entropy is not None:
        pairs.append(("h", _float(entropy)))
    if tags:
        pairs.append(("t", _head(5, len(tags)) + b"".join(_text(k) + _text(v) for k, v in tags.items())))
    if runtime is not None:
        pairs.append(("rt", _text(runtime)))
    if id is not None:
        pairs.append(("id", _integer(id)))
    data = _head(5, len(pairs)) + b"".join(_text(key) + value for key, value in pairs)
    if len(data) > MAX_BYTES:
        raise ValueError(f"an observation of {len(data)} bytes: at most {MAX_BYTES}; send fewer features or numbers")
    return data


def encode_label(id, label):
    """The datagram's bytes for the right class of an observation that was sent with this id."""
    return _head(5, 2) + _text("of") + _integer(id) + _text("l") + _integer(label)


def _flag(value):
    return b"\xf5" if value else b"\xf4"


def encode_shadow(model, candidate, agreed, old_right=None, new_right=None, answered=True, release=None):
    """The datagram's bytes for one input that both versions were asked. `old_right` and `new_right`: both, where the right
    answer is known."""
    pairs = [("m", _text(model))]
    if release is not None:
        pairs.append(("r", _text(release)))
    pairs += [("nv", _text(candidate)), ("ok", _flag(answered)), ("a", _flag(agreed))]
    if old_right is not None and new_right is not None:
        pairs += [("or", _flag(old_right)), ("nr", _flag(new_right))]
    return _head(5, len(pairs)) + b"".join(_text(key) + value for key, value in pairs)


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

    def label(self, id, label):
        """Tells the right class of an observation that was sent with this id, however much later. It counts once. True when
        the agent has it, False when dropped."""
        try:
            self._socket.sendto(encode_label(id, label), self._path)
        except OSError:
            return False
        return True

    def shadow(self, model, candidate, agreed, **optional):
        """Tells of one input that both versions were asked; the arguments are those of `encode_shadow`. True when the agent
        has it, False when dropped."""
        try:
            self._socket.sendto(encode_shadow(model, candidate, agreed, **optional), self._path)
        except OSError:
            return False
        return True

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
