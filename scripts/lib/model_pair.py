"""A model of a wished size and its successor, in the place of trained ones: all numbers of the second differ a little from
the first's, as after a fine-tune, so that a patch takes about two thirds of the file."""
import json
import random

MB_PER_TENSOR = 4
NUMBERS = MB_PER_TENSOR << 18  # float32, in each tensor


def write_model_pair(old, new, megabytes, seed=1):
    """Two safetensors files of float32 weights between 0.03 and 0.12, `megabytes` (2^20 bytes, in steps of 4) each."""
    numbers, tensors = random.Random(seed), max(megabytes // MB_PER_TENSOR, 1)
    kept = int.from_bytes(b"\xf0" * NUMBERS, "little")
    with open(old, "wb") as before, open(new, "wb") as after:
        for file in (before, after):
            file.write(_header(tensors))
        for _ in range(tensors):
            weights = bytearray(numbers.randbytes(4 * NUMBERS))
            weights[3::4] = b"\x3d" * NUMBERS
            before.write(weights)
            weights[0::4], weights[1::4] = numbers.randbytes(NUMBERS), numbers.randbytes(NUMBERS)
            moved = int.from_bytes(weights[2::4], "little") & kept | numbers.getrandbits(8 * NUMBERS) & ~kept
            weights[2::4] = moved.to_bytes(NUMBERS, "little")
            after.write(weights)


def _header(tensors):
    size = 4 * NUMBERS
    text = json.dumps({f"layer.{i}.weight": {"dtype": "F32", "shape": [1024, NUMBERS // 1024],
                                             "data_offsets": [i * size, (i + 1) * size]} for i in range(tensors)}).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
