"""Members of a zip archive, in memory and within bounds; nothing is written to a path of it."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from harness.core.errors import MissingPackageError, UsageError

MAX_MEMBER: Final = 256 << 20
"""Bytes of one member, unpacked."""
MAX_TOTAL: Final = 4 << 30
"""Bytes of all members, unpacked."""
_LOCAL_HEADER: Final = struct.Struct("<26xHH")
_ZSTD: Final = 93
"""How a zip archive numbers this method; Python's own reader knows it from 3.14 on."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is held in memory."""

    where: str
    """Its name in messages."""
    content: bytes
    zip: zipfile.ZipFile

    @classmethod
    def of(cls, content: bytes, where: str) -> Archive:
        """The archive in these bytes.

        Raises:
            UsageError: they are none, or it would unfold to more than is read.
        """
        try:
            opened = zipfile.ZipFile(io.BytesIO(content))
            sizes = [one.file_size for one in opened.infolist()]
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise UsageError(f"{where} is no archive, or a part of one: {error}.") from None
        if sum(sizes) > MAX_TOTAL:
            raise UsageError(
                f"{where} would unfold to {sum(sizes):,} bytes; at most {MAX_TOTAL:,} are read."
            )
        return cls(where, content, opened)

    def names(self) -> list[str]:
        """The members' names, each once, in the archive's order."""
        return list(dict.fromkeys(self.zip.namelist()))

    def read(self, name: str) -> bytes:
        """A member, unpacked; it is never more than it says and than is read.

        Raises:
            UsageError: it is damaged, too large, or packed in a way that cannot be read.
            MissingPackageError: it is packed as zstandard, and the package is not there.
        """
        member = self.zip.getinfo(name)
        if member.file_size > MAX_MEMBER:
            raise UsageError(
                f"{self.where}: {name} has {member.file_size:,} bytes; at most {MAX_MEMBER:,} are "
                "read."
            )
        try:
            with self._open(member) as stream:
                unpacked = stream.read(member.file_size + 1)
        except MissingPackageError:
            raise
        except Exception as error:  # each packing has errors of its own, of no common kind
            raise UsageError(f"{self.where}: {name} is damaged: {error}.") from None
        if len(unpacked) != member.file_size or zlib.crc32(unpacked) != member.CRC:
            raise UsageError(f"{self.where}: {name} is damaged: it is not what was packed.")
        return unpacked

    def _open(self, member: zipfile.ZipInfo) -> BinaryIO | Any:
        if member.compress_type != _ZSTD or sys.version_info >= (3, 14):
            return self.zip.open(member)
        return (
            _zstandard()
            .ZstdDecompressor()
            .stream_reader(io.BytesIO(self._packed(member)), read_across_frames=True)
        )

    def _packed(self, member: zipfile.ZipInfo) -> bytes:
        """A member's bytes as they stand in the archive."""
        start = member.header_offset
        lengths = _LOCAL_HEADER.unpack_from(self.content, start)
        start += _LOCAL_HEADER.size + sum(lengths)
        return self.content[start : start + member.compress_size]


def members(archive: Archive, folder: str, suffix: str) -> Iterator[str]:
    """The names of the files that lie directly in a folder of the archive."""
    for name in archive.names():
        head, _, tail = name.rpartition("/")
        if head == folder and tail.endswith(suffix):
            yield name


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError:
        raise MissingPackageError(
            "zstandard",
            needed_for="reading inspect's .eval files",
            install='pip install "robustness-harness[logs]"',
        ) from None
    return zstandard
