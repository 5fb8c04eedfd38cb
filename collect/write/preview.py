"""preview.html: a contact sheet of the kept and the rejected photos. Ticked photos become a list for --exclude."""

import base64
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import numpy as np
from PIL import Image

from collect.files import atomic_write
from collect.journal import Photo
from collect.manifest import Key, Rejected, Row
from collect.verify import THUMB_SIDE

T = TypeVar("T")

PREVIEW = "preview.html"
KEPT_SHOWN, REJECTED_SHOWN = 60, 40  # per class and split, per reason


def write_preview(folder: Path, rows: Sequence[Row], rejected: Sequence[Rejected], photos: Mapping[Key, Photo]) -> None:
    """Write `folder`/preview.html: the kept photos, and the rejected ones as the 32 x 32 pixels in the journal."""
    from jinja2 import StrictUndefined, Template  # late: slow to import

    kept: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        kept[row.split, row.class_].append(row)
    by_reason: dict[str, list[Rejected]] = defaultdict(list)
    for reject in rejected:
        by_reason[reject.reason].append(reject)
    templates = Path(__file__).parent / "templates"
    source, script = ((templates / f).read_text(encoding="utf-8") for f in ("preview.html.j2", "preview.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    list_name = re.sub(r"[^\w.-]", "_", f"exclude-{folder.name}.txt")
    html = Template(source, autoescape=True, undefined=StrictUndefined).render(
        name=folder.name,
        list_name=list_name,
        script=script,
        script_hash=f"sha256-{digest}",
        kept=[(place, len(group), _evenly(group, KEPT_SHOWN)) for place, group in kept.items()],
        rejected=[
            (reason, len(group), [(r, _thumbnail_png(r, photos)) for r in _evenly(group, REJECTED_SHOWN)])
            for reason, group in sorted(by_reason.items(), key=lambda item: -len(item[1]))
        ],
        quote=quote,
    )
    with atomic_write(folder / PREVIEW) as out:
        out.write(html)


def _evenly(items: Sequence[T], number: int) -> Sequence[T]:
    """At most `number` of the items, evenly spread."""
    return items[:: max(1, len(items) // number)][:number]


def _thumbnail_png(reject: Rejected, photos: Mapping[Key, Photo]) -> str:
    """A photo's grey pixels in the journal as a PNG in base64, "" if there are none."""
    photo = photos.get((reject.class_, reject.source_id or ""))
    if not photo or not photo.thumb:
        return ""
    out = io.BytesIO()
    Image.fromarray(np.frombuffer(photo.thumb, np.uint8).reshape(THUMB_SIDE, THUMB_SIDE)).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
