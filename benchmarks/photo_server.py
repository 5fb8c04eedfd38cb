"""The local server of benchmarks/collecting.py: a Flickr search and photos of about 65 KB, each after a set latency.

It is one process with one event loop and everything in memory, so that it takes as little of the machine as possible.
`python -m benchmarks.photo_server NUMBER LATENCY_SECONDS` prints its address.
"""

import asyncio
import io
import json
import sys
from urllib.parse import parse_qs

import numpy as np
from PIL import Image

SIZE = (640, 480)


def photo(seed: int) -> bytes:
    """A JPEG of about 65 KB with large shapes and grain, different for every seed."""
    rng = np.random.default_rng(seed)
    shapes = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 9, (SIZE[1], SIZE[0], 1))
    out = io.BytesIO()
    Image.fromarray((np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


class Server:
    """Photos, and a search that lists them."""

    def __init__(self, number: int, latency_seconds: float):
        self.photos = [photo(i) for i in range(number)]
        self.latency_seconds = latency_seconds
        self.url = ""

    async def serve(self) -> None:
        """Serve until killed."""
        server = await asyncio.start_server(self.converse, "127.0.0.1", 0, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        mean = sum(map(len, self.photos)) / len(self.photos)
        print(json.dumps({"url": self.url, "mean_bytes": mean}), flush=True)
        await server.serve_forever()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, which stays open."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:-2])
                form = await reader.readexactly(int(fields.get(b"content-length", 0)))
                await asyncio.sleep(self.latency_seconds)
                body, kind = self.answer(path, form.decode())
                closing = fields.get(b"connection", b"").strip() == b"close"
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n"
                    % (kind, len(body), b"close" if closing else b"keep-alive")
                )
                writer.write(body)
                await writer.drain()
                if closing:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client closed the connection
        finally:
            writer.close()

    def answer(self, path: str, form: str) -> tuple[bytes, bytes]:
        """Body and content type."""
        if path.startswith("/photo/"):
            return self.photos[int(path.removeprefix("/photo/").removesuffix(".jpg"))], b"image/jpeg"
        query = {k: v[0] for k, v in parse_qs(form).items()}
        if query["method"] != "flickr.photos.search":
            reply: dict[str, object] = {"stat": "ok", "licenses": {"license": []}}
        else:
            size, page = int(query["per_page"]), int(query["page"])
            numbers = range(len(self.photos))[(page - 1) * size : page * size]
            listed = [
                {"id": str(i), "owner": f"{i}@N00", "license": "4", "url_z": f"{self.url}/photo/{i}.jpg"}
                for i in numbers
            ]
            reply = {"stat": "ok", "photos": {"pages": -(-len(self.photos) // size), "photo": listed}}
        return json.dumps(reply).encode(), b"application/json"


if __name__ == "__main__":
    asyncio.run(Server(int(sys.argv[1]), float(sys.argv[2])).serve())
