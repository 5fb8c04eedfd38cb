"""A .tgz, .tar or .zip of class folders as a source, local or at an http(s) address."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams, reject
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources.download import check_digests, download, is_remote
from collect.sources.layout import source_id
from collect.sources.members import ArchiveMember, MemberKind, check_size
from collect.sources.reader import DAMAGE, described, one_line, read_members
from collect.sources.tree import FileTree, arrange

MAX_NAMES_BYTES = 256 * 2**20  # of all members of an archive, with what Python needs for each
NAME_BYTES = 100


class StoredPhoto(NamedTuple):
    """An image of an archive: `read` gives its bytes, of which `held_bytes` are in memory already."""

    name: str
    read: Callable[[], bytes]
    held_bytes: int


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The images of the archive at `dataset.url`, which is downloaded if it is remote, in the archive's order.

    Raises SourceError, also if size or checksums differ from the recipe's, ShortfallError and UsageError.
    """
    url = dataset.url or ""
    remote = is_remote(url)
    path = download(dataset, context) if remote else Path(url)
    if not path.is_file():
        raise SourceError(f"{path}: no such archive")
    if not remote:
        check_digests(path, dataset)
    found = arrange(_read_tree(path, context), path.name.split(".")[0], dataset, context)
    source_url = url if remote else None

    def candidates() -> Iterator[Candidate]:
        yield from found.rejected
        for name, read, held_bytes in photos(path, found.places.__contains__, context.data):
            place = found.places[name]
            yield Candidate(
                place.class_,
                source_id(name),
                url=source_url,
                split=place.split,
                source="archive",
                read=read,
                held_bytes=held_bytes,
            )

    return {"": candidates()}


def _read_tree(path: Path, context: SourceContext) -> FileTree:
    """All files of an archive. Reads a compressed archive to its checksums."""
    tree, size, folders, full = FileTree(), 0, [], set[str]()
    with one_line(str(path)):
        for member in read_members(path, context.data):
            if member.kind is MemberKind.LINK:
                tree.ignored["linked"] += 1
            elif member.kind is MemberKind.FOLDER:
                folders.append(member.name.rstrip("/"))
            else:
                tree.add(member.name, partial(_head, member))
                full.update(map(str, PurePosixPath(member.name).parents))
                if member.is_too_deep:
                    context.notify(f"{path}: {member.name} is not read: an archive in an archive in an archive")
            size += len(member.name) + NAME_BYTES
            if size > MAX_NAMES_BYTES:
                raise SourceError(f"{path}: has too many files; split it into several archives")
    tree.empty = [name for name in folders if str(PurePosixPath(name)) not in full]
    return tree


def _head(member: ArchiveMember) -> bytes:
    """The first bytes of a member; none if it alone is damaged."""
    try:
        return member.head()
    except DAMAGE:
        if member.is_lasting:
            return b""
        raise


def photos(path: Path, is_wanted: Callable[[str], bool], spool: Path) -> Iterator[StoredPhoto]:
    """The files of an archive whose names are wanted, in its order. Raises SourceError naming the archive.

    `spool` is a folder with room for the archives in the archive.
    """
    with one_line(str(path)):
        for member in read_members(path, spool):
            if member.kind is not MemberKind.FILE or not is_wanted(member.name):
                continue
            try:
                check_size(member.size)
            except RejectError as err:
                yield StoredPhoto(member.name, partial(reject, err), 0)
                continue
            if member.is_lasting:
                yield StoredPhoto(member.name, partial(_read_lasting, member), 0)
            else:
                data = member.read()
                yield StoredPhoto(member.name, partial(bytes, data), len(data))


def _read_lasting(member: ArchiveMember) -> bytes:
    try:
        return member.read()
    except DAMAGE as err:
        detail = f"the archive's member cannot be read: {described(err)}"
        raise RejectError(RejectReason.UNREADABLE, detail) from err
