"""Ways to damage bytes, whatever they are: cut, flipped bits, zeros, noise."""

from collections.abc import Callable
from random import Random

Damage = Callable[[Random, bytes], bytes]


def cut(random: Random, data: bytes) -> bytes:
    """The first part only."""
    return data[: random.randrange(1, max(2, len(data)))]


def flip_bit(random: Random, data: bytes) -> bytes:
    """One bit changed."""
    changed = bytearray(data)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def change_bytes(random: Random, data: bytes) -> bytes:
    """A few bytes changed."""
    changed = bytearray(data)
    for _ in range(random.randrange(1, 20)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def zero(random: Random, data: bytes) -> bytes:
    """A stretch of zeros, as a file system leaves it after a power cut."""
    start = random.randrange(len(data))
    length = min(len(data) - start, random.randrange(1, 4096))
    return data[:start] + bytes(length) + data[start + length :]


def insert(random: Random, data: bytes) -> bytes:
    """Noise in the middle."""
    start = random.randrange(len(data))
    return data[:start] + random.randbytes(random.randrange(1, 200)) + data[start:]


def append(random: Random, data: bytes) -> bytes:
    """Noise at the end."""
    return data + random.randbytes(random.randrange(1, 2000))


def empty(random: Random, data: bytes) -> bytes:
    """Nothing."""
    return b""


DAMAGES: dict[str, Damage] = {
    "cut short": cut,
    "flipped bit": flip_bit,
    "changed bytes": change_bytes,
    "zeros": zero,
    "noise inside": insert,
    "noise at the end": append,
    "empty": empty,
}
