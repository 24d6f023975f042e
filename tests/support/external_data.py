"""An ONNX model of one file as two, the weights in the second: as torch.onnx.export writes large ones."""

LOCATION = "model.onnx.data"
LARGE = 64  # bytes of a tensor that goes to the second file

GRAPH, INITIALIZER, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 7, 5, 9, 13, 14


def split(model):
    """The model's bytes and those of its weights."""
    data = bytearray()
    graph = b"".join(raw if tag != INITIALIZER else field(INITIALIZER, outside(payload, data))
                     for tag, payload, raw in fields(next(p for tag, p, _ in fields(model) if tag == GRAPH)))
    return b"".join(raw if tag != GRAPH else field(GRAPH, graph) for tag, _, raw in fields(model)), bytes(data)


def outside(tensor, data):
    kept, moved = b"", None
    for tag, payload, raw in fields(tensor):
        if tag == RAW_DATA and len(payload) >= LARGE:
            moved = payload
        else:
            kept += raw
    if moved is None:
        return tensor
    where = {"location": LOCATION, "offset": str(len(data)), "length": str(len(moved))}
    data += moved
    entries = b"".join(field(EXTERNAL_DATA, field(1, key.encode()) + field(2, value.encode())) for key, value in where.items())
    return kept + entries + varint(DATA_LOCATION << 3) + varint(1)


def fields(message):
    """Of a protobuf message: tag, payload of texts and messages, and the field's own bytes."""
    at = 0
    while at < len(message):
        start = at
        key, at = read_varint(message, at)
        payload = b""
        if key & 7 == 0:
            _, at = read_varint(message, at)
        elif key & 7 == 2:
            size, at = read_varint(message, at)
            payload, at = message[at:at + size], at + size
        else:
            at += {1: 8, 5: 4}[key & 7]
        yield key >> 3, payload, message[start:at]


def field(tag, payload):
    return varint(tag << 3 | 2) + varint(len(payload)) + payload


def read_varint(message, at):
    number = shift = 0
    while message[at] > 0x7F:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
