"""Archives in archives, and compressions that this Python may not read."""

import gzip
import io
import os
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from collect.errors import SourceError
from collect.sources import reader
from collect.sources.reader import read_members
from tests.collect.test_archive import tgz, zipped
from tests.collect.test_files import check_sum, collected
from tests.servers.photos import jpeg


def zip_bytes(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The bytes of a zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tgz_bytes(folder: Path, files: dict[str, bytes]) -> bytes:
    """The bytes of a .tgz of these files."""
    return tgz(folder / "inner.tgz", files).read_bytes()


def pets(folder: str = "train") -> dict[str, bytes]:
    """Photos named after their class, as in the competition Dogs vs. Cats."""
    return {f"{folder}/{c}.{i}.jpg": jpeg(100 * k + i) for k, c in enumerate(("cat", "dog")) for i in range(5)}


def test_the_archive_of_dogs_vs_cats_is_read_as_it_is(tmp_path: Path) -> None:
    hidden = {f"test1/{i}.jpg": jpeg(300 + i) for i in range(4)}
    files = {"train.zip": zip_bytes(pets()), "test1.zip": zip_bytes(hidden), "sampleSubmission.csv": b"id,label\n"}
    summary = collected(tmp_path / "data", zipped(tmp_path / "dogs-vs-cats.zip", files))
    check_sum(summary, tmp_path / "data/x")
    assert summary.counts == {"train": {"cat": 4, "dog": 4}, "test": {"cat": 1, "dog": 1}}
    assert summary.as_lines()[-1] == "15 files: 10 kept, 0 rejected, 5 ignored (4 outside class folders, 1 .csv)"
    ids = (tmp_path / "data/x/manifest.jsonl").read_text()
    assert '"source_id": "train.zip/train/cat.0.jpg"' in ids


def test_tars_in_a_tar_are_read(tmp_path: Path) -> None:
    cats, dogs = ({f"{i}.jpg": jpeg(first + i) for i in range(4)} for first in (0, 50))
    tgz(tmp_path / "pets.tgz", {"pets/cats.tgz": tgz_bytes(tmp_path, cats), "pets/dogs.zip": zip_bytes(dogs)})
    summary = collected(tmp_path / "data", tmp_path / "pets.tgz")
    assert summary.counts["train"] == {"cats": 3, "dogs": 3}
    assert not [path for path in (tmp_path / "data").iterdir() if path.name != "x"]  # no copy stays


def test_only_one_archive_deep_and_the_rest_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deeper = {"deep.zip": zip_bytes({"a/1.jpg": jpeg(1)}), **pets()}
    zipped(tmp_path / "x.zip", {"in.zip": zip_bytes(deeper), "odd.zip": b"not an archive at all" * 99})
    names = [m.name for m in read_members(tmp_path / "x.zip", tmp_path)]
    assert names[:2] == ["in.zip/deep.zip", "in.zip/train/cat.0.jpg"]
    assert names[-1] == "odd.zip"
    from collect.datasets import Dataset
    from collect.pipeline import collect

    summary = collect(Dataset("x", "archive", url=str(tmp_path / "x.zip")), tmp_path / "data")
    assert "in.zip/deep.zip is not read: an archive in an archive in an archive" in capsys.readouterr().err
    assert summary.as_lines()[-1] == "12 files: 10 kept, 0 rejected, 2 ignored (2 .zip)"


def test_archives_in_an_archive_have_limited_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LEAST_ROOM", 2**20)
    bomb = zip_bytes({"a/1.bmp": bytes(3 * 2**20)}, zipfile.ZIP_STORED)
    for number in (1, 3):  # one alone is too large, or all together
        size = len(bomb) // number
        tars = {f"{i}.zip": bomb[:size] for i in range(number)}
        files = {name: data if number == 1 else zip_bytes({"a": bytes(size)}, 0) for name, data in tars.items()}
        (tmp_path / "bomb.zip").write_bytes(zip_bytes(files))
        with pytest.raises(SourceError, match=r"bomb\.zip: the archives in it are more than 20 times as large"):
            list(read_members(tmp_path / "bomb.zip", tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["bomb.zip"]


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_damaged_archive_in_an_archive_is_one_line_with_both_names(tmp_path: Path, kind: str) -> None:
    whole = zip_bytes(pets()) if kind == "zip" else tgz_bytes(tmp_path, pets())
    zipped(tmp_path / "x.zip", {f"in.{kind}": whole[: len(whole) // 2]})
    with pytest.raises(SourceError, match=rf"x\.zip: in\.{kind}: cannot be read as") as caught:
        collected(tmp_path / "data", tmp_path / "x.zip")
    assert "\n" not in str(caught.value)


def test_gzip_members_in_a_row_are_one_archive(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in pets().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    half = len(out.getvalue()) // 2
    content = gzip.compress(out.getvalue()[:half]) + gzip.compress(out.getvalue()[half:])
    (tmp_path / "x.tar.gz").write_bytes(content)
    assert len([*read_members(tmp_path / "x.tar.gz", tmp_path)]) == 10


def test_a_zst_is_read_where_python_can_and_else_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.zst"
    if find_spec("compression") is None:
        path.write_bytes(b"\x28\xb5\x2f\xfd" + os.urandom(100))
        with pytest.raises(SourceError) as caught:
            collected(tmp_path / "data", path)
        problem = "is compressed with Zstandard, which this Python cannot read"
        assert str(caught.value) == f"{path}: {problem}; unpack it with `zstd -d`, or use Python 3.14"
        return
    from compression import zstd

    with tarfile.open(path, "w:zst") as tar:
        for name, data in pets().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert len([*read_members(path, tmp_path)]) == 10
    path.write_bytes(zstd.compress(b"no tar") + b"junk")
    with pytest.raises(SourceError, match="cannot be read as"):
        collected(tmp_path / "data", path)
