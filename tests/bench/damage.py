"""Ways in which a stored file can be damaged."""

from array import array
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], object]


def _flip(content: bytes, place: float) -> bytes:
    changed = bytearray(content)
    changed[int(place * (len(content) - 1))] ^= 4
    return bytes(changed)


def _zero(content: bytes) -> bytes:
    start = len(content) // 2
    return content[:start] + bytes(len(content) - start)


def _swap(content: bytes) -> bytes:
    pairs = array("H", content[: len(content) // 2 * 2])
    pairs.byteswap()
    return pairs.tobytes()


def _rewritten(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path: path.write_bytes(change(path.read_bytes()))


DAMAGES: dict[str, Damage] = {
    "empty": _rewritten(lambda content: b""),
    "only a few bytes": _rewritten(lambda content: content[:10]),
    "half": _rewritten(lambda content: content[: len(content) // 2]),
    "last byte missing": _rewritten(lambda content: content[:-1]),
    "one byte more": _rewritten(lambda content: content + b"\0"),
    "flipped bit at the start": _rewritten(lambda content: _flip(content, 0.0)),
    "flipped bit": _rewritten(lambda content: _flip(content, 0.7)),
    "flipped bit at the end": _rewritten(lambda content: _flip(content, 1.0)),
    "zeros": _rewritten(_zero),
    "zeros only": _rewritten(lambda content: bytes(len(content))),
    "swapped bytes": _rewritten(_swap),
    "other text": _rewritten(lambda content: b"damaged"),
}
