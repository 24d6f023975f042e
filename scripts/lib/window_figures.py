"""The value in which a window's figures are stored, as server/telemetry/window_figures.hpp describes it."""

LATENCY, FEATURES = 1, 2


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(*, length_ms, count, latency, errors=0, labelled=0, correct=0, features=()):
    """`latency` as the wire has it; `features` are pairs of a name and counts. Received as soon as the window ended."""
    out = b"\x01" + b"".join(varint(n) for n in (length_ms, count, errors, labelled, correct, 0, LATENCY | (FEATURES if features else 0)))
    out += varint(len(latency)) + latency
    if features:
        out += varint(len(features))
    for name, counts in features:
        out += varint(len(name.encode())) + name.encode() + varint(len(counts)) + b"".join(varint(n) for n in counts)
    return out


def count_of(figures):
    """How many inferences."""
    numbers, value, shift = [], 0, 0
    for byte in figures[1:]:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value, shift = 0, 0
            if len(numbers) == 2:
                return numbers[1]
    raise ValueError("these are not the figures of a window")
