"""Hostile archives: a literal dict from the name of a kind to how it is made from a folder of photos."""

import gzip
import io
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from benchmarks.soaking import damage

Members = list[tuple[str, bytes]]
Maker = Callable[[Random, Members], bytes]


def tarred(members: Members, mode: str = "w:gz", extra: Iterable[tarfile.TarInfo] = (), **options: object) -> bytes:
    """A tar of these members, after the `extra` ones, which have no content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **options) as tar:  # type: ignore[call-overload]
        for info in extra:
            tar.addfile(info, io.BytesIO(bytes(info.size)))
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member of tar that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def with_pax(headers: dict[str, str]) -> Maker:
    """A tar whose first member, one photo more, has these pax headers."""

    def make(rng: Random, members: Members) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for i, (name, data) in enumerate([("car/pax.jpg", members[-1][1]), *members]):
                info = tarfile.TarInfo(name)
                info.size, info.pax_headers = len(data), {} if i else headers
                tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    return make


def named(*names: str, mode: str = "w:gz") -> Maker:
    """A tar with photos under these names too."""
    return lambda rng, members: tarred([*members, *((name, members[-1][1]) for name in names)], mode)


def named_in_zip(*names: str) -> Maker:
    """A zip with photos under these names too."""
    return lambda rng, members: zipped([*members, *((name, members[-1][1]) for name in names)])


def linked(kind: bytes, target: str) -> Maker:
    """A tar with a link to something outside, and a file through it."""
    return lambda rng, members: tarred([*members, ("car/out/evil.jpg", members[-1][1])],
                                       extra=[special("car/out", kind, target)])  # fmt: skip


def latin_names(rng: Random, members: Members) -> bytes:
    """A tar with a name in Latin-1."""
    return tarred([*members, ("car/café.jpg", members[-1][1])], encoding="latin-1", format=tarfile.GNU_FORMAT)


def wrong_flag(rng: Random, members: Members) -> bytes:
    """A zip whose Latin-1 names are flagged UTF-8."""
    data = bytearray(zipped([*members, ("car/cafZ.jpg", members[-1][1])]).replace(b"cafZ", b"caf\xe9"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := data.find(signature, start)) >= 0:
            data[start + offset + 1] |= 0x08
            start += 4
    return bytes(data)


def lying_sizes(rng: Random, members: Members) -> bytes:
    """A zip whose directory states other sizes."""
    data = bytearray(zipped(members))
    for _ in range(rng.randrange(1, 4)):
        start = data.find(b"PK\x01\x02", rng.randrange(data.find(b"PK\x01\x02") + 1))
        data[start + 20 + rng.randrange(8)] = rng.randrange(256)
    return bytes(data)


def encrypted(rng: Random, members: Members) -> bytes:
    """A zip whose members claim to be encrypted."""
    data = bytearray(zipped(members))
    start = 0
    while (start := data.find(b"PK\x01\x02", start)) >= 0:
        data[start + 8] |= 1
        start += 4
    return bytes(data)


def odd_method(rng: Random, members: Members) -> bytes:
    """A zip with a compression that nobody knows."""
    data = bytearray(zipped(members))
    data[data.find(b"PK\x01\x02") + 10] = rng.choice((1, 6, 97, 99))
    return bytes(data)


def zip_link(rng: Random, members: Members) -> bytes:
    """A zip with a symbolic link out of its folder."""
    out = io.BytesIO(zipped(members))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("car/link.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def bomb(rng: Random, members: Members) -> bytes:
    """Forty members of 32 MiB that compress to nothing."""
    return zipped([*members, *((f"car/bomb{i}.jpg", bytes(2**25)) for i in range(40))])


def in_gzip_members(data: bytes) -> bytes:
    """Compressed in three parts, one after the other, as some tools do."""
    third = len(data) // 3
    return b"".join(gzip.compress(part) for part in (data[:third], data[third : 2 * third], data[2 * third :]))


def tar_in_zip_shape(rng: Random, members: Members) -> bytes:
    """A tar whose last member is a zip, with nothing after it that could say so."""
    return tarred([*members, ("car/inner.zip", zipped([("boat/x.jpg", members[0][1])]))], "w")


def damaged(make: Callable[[Members], bytes], how: damage.Damage) -> Maker:
    """An archive that is damaged afterwards."""
    return lambda rng, members: how(rng, make(members))


CONTAINERS: dict[str, Callable[[Members], bytes]] = {
    "tgz": tarred,
    "tar": lambda members: tarred(members, "w"),
    "tar.xz": lambda members: tarred(members, "w:xz"),
    "tar.bz2": lambda members: tarred(members, "w:bz2"),
    "zip": zipped,
}
CHECKED = ("tgz", "tar.xz", "tar.bz2", "zip")  # these have a checksum of their content, a plain tar has none
OUTSIDE = (
    "../evil.jpg", "../../evil.jpg", "car/../../../evil.jpg", "/tmp/evil-vggbench.jpg", "..\\evil.jpg", "C:\\evil.jpg",
)  # fmt: skip
ODD_NAMES = (
    "car/a\nb.jpg", "car/\x1b[2Jx.jpg", "car/" + "n" * 300 + ".jpg", "car/con.jpg", "car/ .jpg", "car/\t.jpg",
    "car/[/b].jpg", "car/-rf.jpg", "car/" + "d/" * 300 + "x.jpg", "car/\u202egpj.jpg", "car/图.jpg",
    "car/<img src=x onerror=alert(1)>.jpg",
)  # fmt: skip
SPECIAL = (tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.CONTTYPE, b"Z")
INTACT: dict[str, Maker] = {  # every photo must arrive as it is
    "concatenated gzip members": lambda rng, m: in_gzip_members(tarred(m, "w")),
    "a comment in a zip": lambda rng, m: zipped(m)[:-2] + b"\x03\x00abc",
    "a zip as the last member of a tar": tar_in_zip_shape,
    "devices": lambda rng, m: tarred(m, extra=[special(f"car/{i}.jpg", k) for i, k in enumerate(SPECIAL[:3])]),
    "odd names": named(*ODD_NAMES),
    "odd names, zip": named_in_zip(*ODD_NAMES),
    "Latin-1 names": latin_names,
    "Latin-1 names flagged UTF-8": wrong_flag,
    "same name twice": lambda rng, m: tarred([*m, m[0]]),
    "10,000 empty members": lambda rng, m: tarred([*m, *((f"car/e{i}.jpg", b"") for i in range(10_000))]),
    "a bomb": bomb,
}  # fmt: skip
ODD: dict[str, Maker] = {  # any documented outcome
    "not an archive": lambda rng, m: rng.randbytes(5000),
    "a page": lambda rng, m: b"<!DOCTYPE html><html><body>Not found</body></html>",
    "no members": lambda rng, m: tarred([]),
    "hard link to nothing": linked(tarfile.LNKTYPE, "car/none.jpg"),
    "a compression that is unknown": odd_method,
    "link to a file outside": linked(tarfile.SYMTYPE, "/etc"),
    "hard link outside": linked(tarfile.LNKTYPE, "../../../etc/passwd"),
    "symbolic link in a zip": zip_link,
    "names outside the folder": named(*OUTSIDE),
    "names outside the folder, zip": named_in_zip(*OUTSIDE),
    "junk before a zip": lambda rng, m: rng.randbytes(200) + zipped(m),
    "encrypted": encrypted,
    "sizes that lie": lying_sizes,
    "pax size of 5,000 digits": with_pax({"size": "9" * 5000}),
    "pax size in words": with_pax({"size": "ten"}),
    "pax sparse map of junk": with_pax({"GNU.sparse.map": "a,b,c", "GNU.sparse.major": "0", "GNU.sparse.minor": "1"}),
    "pax sparse size of junk": with_pax({"GNU.sparse.size": "x", "GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
    "pax time of junk": with_pax({"mtime": "never", "uid": "9" * 5000}),
    "pax path outside": with_pax({"path": "../../evil.jpg"}),
    "pax path with NUL": with_pax({"path": "car/a\x00b.jpg"}),
}  # fmt: skip
DAMAGED: dict[str, Maker] = {
    f"{container}, {kind}": damaged(make, how)
    for container, make in CONTAINERS.items()
    for kind, how in damage.DAMAGES.items()
}
KINDS = {**ODD, **INTACT, **DAMAGED}


def photos_of(folder: Path, count: int) -> Members:
    """Some photos of each class as members, in a fixed order."""
    rng = random.Random(1)
    files = [p for home in sorted(folder.iterdir()) for p in sorted(rng.sample(sorted(home.iterdir()), count))]
    return [(p.relative_to(folder).as_posix(), p.read_bytes()) for p in files]
