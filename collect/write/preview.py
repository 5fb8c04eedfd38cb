"""preview.html: a contact sheet of what was kept and what was not, to look at before training on it."""

import base64
import html
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from collect.journal import Key, Photo
from collect.manifest import Rejected, Row, atomic_write
from collect.verify import THUMB_SIDE

PREVIEW = "preview.html"
KEPT_SHOWN, REJECTED_SHOWN = 60, 40  # per class and split, per reason

HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{name}: kept and rejected photos</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'">
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color-scheme: light dark }}
ul {{ display: flex; flex-wrap: wrap; gap: 6px; padding: 0; list-style: none }}
img {{ height: 96px; border-radius: 3px; display: block }}
.no img {{ height: 64px; image-rendering: pixelated }}
.no li {{ width: 11rem; font-size: 12px; overflow-wrap: anywhere }}
</style></head><body><h1>{name}</h1>
"""


def write_preview(
    folder: Path, name: str, rows: Sequence[Row], rejected: Sequence[Rejected], known: Mapping[Key, Photo]
) -> None:
    """Write `folder`/preview.html: the kept photos themselves, the rejected ones as the 32 x 32 pixels we saw."""
    parts = [HEAD.format(name=html.escape(name))]
    kept: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        kept[row.split, row.class_].append(row)
    for (split, class_), group in kept.items():
        parts.append(f"<h2>{html.escape(f'{split}: {class_}')}, {len(group):,} kept</h2>\n<ul>")
        parts += [_kept(row) for row in _sample(group, KEPT_SHOWN)]
        parts.append("</ul>")
    reasons: dict[str, list[Rejected]] = defaultdict(list)
    for reject in rejected:
        reasons[reject.reason].append(reject)
    for reason, rejects in sorted(reasons.items(), key=lambda item: -len(item[1])):
        parts.append(f'<h2>{html.escape(reason)}, {len(rejects):,} not taken</h2>\n<ul class="no">')
        parts += [_rejected(r, known.get((r.class_, r.source_id or ""))) for r in _sample(rejects, REJECTED_SHOWN)]
        parts.append("</ul>")
    with atomic_write(folder / PREVIEW) as out:
        out.write("\n".join([*parts, "</body></html>\n"]))


def _sample(items: Sequence[Any], number: int) -> Sequence[Any]:
    """At most `number` of them, evenly spread."""
    return items[:: max(1, len(items) // number)][:number]


def _kept(row: Row) -> str:
    words = html.escape(", ".join(filter(None, [row.file, row.title, row.owner_name, row.license])))
    return f'<li><img loading="lazy" src="{html.escape(quote(row.file))}" alt="{words}" title="{words}"></li>'


def _rejected(reject: Rejected, photo: Photo | None) -> str:
    picture = ""
    if photo and photo.thumb:
        pixels = np.frombuffer(photo.thumb, np.uint8).reshape(THUMB_SIDE, THUMB_SIDE)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        picture = f'<img alt="" src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'
    words = f"{reject.class_} {reject.source_id or reject.url}: {reject.detail or reject.reason}"
    return f"<li>{picture}{html.escape(words)}</li>"
