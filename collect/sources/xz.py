"""The bytes inside an .xz or .lzma. `lzma.open` would give the decoder any memory that the file asks for."""

import lzma
from typing import IO

MAX_DECODER_BYTES = 256 * 2**20  # `xz -9` needs 65 MiB to unpack; a file may ask for 4 GiB
CHUNK_BYTES = 2**16


class XzStream:
    """What a file's streams, one after the other, contain; it is read forward only."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._decoder = lzma.LZMADecompressor(memlimit=MAX_DECODER_BYTES)
        self._position = 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end. Raises LZMAError, or EOFError if the file was cut short."""
        parts = []
        while size > 0 and (part := self._step(size)):
            parts.append(part)
            size -= len(part)
            self._position += len(part)
        return b"".join(parts)

    def seek(self, position: int) -> None:
        """Skip the bytes before `position`."""
        while self._position < position and self.read(min(CHUNK_BYTES, position - self._position)):
            pass

    def _step(self, size: int) -> bytes:
        """At least one more byte, none at the end."""
        part = b""
        while not part:
            data = b""
            if self._decoder.eof:
                data = self._after_stream()
                if not data:
                    return b""
                self._decoder = lzma.LZMADecompressor(memlimit=MAX_DECODER_BYTES)
            elif self._decoder.needs_input:
                data = self._file.read(CHUNK_BYTES)
                if not data:
                    raise EOFError("it was cut short")
            part = self._decoder.decompress(data, size)
        return part

    def _after_stream(self) -> bytes:
        """What follows a stream and the zeros that may fill it up."""
        data = self._decoder.unused_data.lstrip(b"\0")
        while not data and (chunk := self._file.read(CHUNK_BYTES)):
            data = chunk.lstrip(b"\0")
        return data
