"""The value in which a window's figures are stored, as server/telemetry/window_figures.hpp describes it."""

import struct

LATENCY, FEATURES, CONFIDENCES, ENTROPY, TAGS = 1, 2, 16, 64, 128


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def cbor(value):
    """Of whole numbers below 2^32, floats, short texts, lists and maps: as common/wire writes them."""
    def head(major, size):
        if size < 24:
            return bytes([major << 5 | size])
        return bytes([major << 5 | 26]) + struct.pack(">I", size)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(each) for pair in value.items() for each in pair)
    return head(4, len(value)) + b"".join(map(cbor, value))


def encode(*, length_ms, count, latency, errors=0, labelled=0, correct=0, features=(), confidences=None, entropy=None, tags=None):
    """`latency` as the wire has it; `features` are pairs of a name and counts; `confidences`, `entropy` and `tags` as the wire's
    lists and maps. Received as soon as the window ended."""
    blocks = [(CONFIDENCES, confidences), (ENTROPY, entropy), (TAGS, tags)]
    parts = LATENCY | (FEATURES if features else 0) | sum(part for part, value in blocks if value)
    out = b"\x01" + b"".join(varint(n) for n in (length_ms, count, errors, labelled, correct, 0, parts))
    out += varint(len(latency)) + latency
    if features:
        out += varint(len(features))
    for name, counts in features:
        out += varint(len(name.encode())) + name.encode() + varint(len(counts)) + b"".join(varint(n) for n in counts)
    for _, value in blocks:
        if value:
            out += varint(len(cbor(value))) + cbor(value)
    return out


def head_of(figures, size):
    """The first numbers, and what comes after them."""
    numbers, value, shift = [], 0, 0
    for at, byte in enumerate(figures[1:], 2):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value, shift = 0, 0
            if len(numbers) == size:
                return numbers, figures[at:]
    raise ValueError("these are not the figures of a window")


def count_of(figures):
    """How many inferences."""
    return head_of(figures, 2)[0][1]


def measured(figures):
    """All but how long the window was and when it was received."""
    (_, count, errors, labelled, correct, _, parts), rest = head_of(figures, 7)
    return count, errors, labelled, correct, parts, bytes(rest)
