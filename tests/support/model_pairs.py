"""Files in the place of trained models, large enough that making a patch between them takes a while."""
import random

HEADER = b"\x93NUMPY\x01\x00"


def write_fine_tuned_pair(old, new, megabytes, seed=1):
    """Two .npy files of random numbers (float32); in the second all differ a little, as after training on."""
    count = megabytes * 250_000
    numbers = random.Random(seed)
    weights = bytearray(numbers.randbytes(4 * count))
    weights[3::4] = b"\x3d" * count  # between 0.03 and 0.12, as weights are
    header = _header(count)
    old.write_bytes(header + weights)
    weights[0::4] = numbers.randbytes(count)
    new.write_bytes(header + weights)


def _header(count):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}"
    room = -(len(HEADER) + 2 + len(text) + 1) % 64
    text += " " * room + "\n"
    return HEADER + len(text).to_bytes(2, "little") + text.encode()
