"""Flickr's search as a source, through flickrapi's calls and our own pager (`FlickrAPI.walk` needs Python < 3.9)."""

import os
import random
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import requests

from collect.candidate import Candidate, SourceContext, Streams, reject_license
from collect.datasets import ClassSearch, Dataset
from collect.errors import SourceError
from collect.http import request_error_text, retry_after
from collect.sources.api import (
    CALL_ERRORS,
    LATER,
    TRIES,
    CallBudget,
    RefusedCallError,
    endpoint,
    number,
    open_api,
    pause_before_retry,
    records,
    redacted,
    text,
)
from collect.sources.flickr_licenses import License, read_licenses

PER_PAGE = 500
CEILING = 4000  # flickr.photos.search: "at most the first 4,000 results"; beyond, pages repeat
CALL_LIMITS = ((3600, 3600.0),)  # calls, seconds
CALLS_FILE = ".flickr_calls.json"  # in the data folder
STALE_PAGES = 3  # a search ends after so many pages in a row without a new photo
SIZES = ("url_c", "url_z", "url_l", "url_m")  # 800, 640, 1024, 500 px
EXTRAS = ",".join([*SIZES, "license", "owner_name", "date_upload", "date_taken", "tags"])
FIRST_UPLOAD = 1076371200  # Flickr opened in February 2004
SLICES = 32
REFUSED_CODES = ("96", "97", "98", "99", "100")
TRANSIENT_CODES = ("0", "10", "105", "201")

CREDENTIALS = (
    "set FLICKR_API_KEY and FLICKR_API_SECRET (new keys need a Flickr Pro account: "
    "https://www.flickr.com/services/apps/create/), or use a source that needs no key: --source openverse"
)


class FlickrClient:
    """Calls with one API key. The key never leaves this object: it is in no message, log or file."""

    def __init__(self, context: SourceContext, url: str | None):
        import logging

        import flickrapi

        self._secrets = [os.environ.get(n, "").strip() for n in ("FLICKR_API_KEY", "FLICKR_API_SECRET")]
        if not all(self._secrets):
            raise SourceError(f"Flickr needs an API key: {CREDENTIALS}")
        for name in ("flickrapi", "oauthlib", "requests_oauthlib"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # they log keys, signatures and whole answers
        # flickrapi takes the answer for an object with the keys that it wants
        self._errors = (flickrapi.FlickrError, KeyError, AttributeError, TypeError, *CALL_ERRORS)
        self._api = flickrapi.FlickrAPI(*self._secrets, format="parsed-json", store_token=False, timeout=30)
        self._api.flickr_oauth.session = session = open_api(context, url)  # flickrapi shares one between all instances
        session.hooks["response"].append(_check_answer)
        if url:
            self._api.REST_URL = url
        self._context, path = context, context.data / CALLS_FILE
        self._budget = CallBudget("Flickr", path, CALL_LIMITS, "or wait", context.stop, context.notify)

    def ask(self, method: str, absent: str = "", **params: Any) -> dict[str, Any]:
        """The answer to one call; the journal answers calls that were made before.

        The answer is empty if Flickr fails with the error code `absent`. Raises RefusedCallError, SourceError.
        """
        question = {"flickr": method, **params}
        if (known := self._context.journal.answer(question)) is not None:
            return dict(known)
        failure = ""
        for attempt in range(TRIES):
            self._budget.spend()
            try:
                answer: dict[str, Any] = self._api.do_flickr_call(method, **params)
                if not isinstance(answer, dict):
                    raise ValueError("the answer is not a JSON object")
            except self._errors as err:
                code = str(getattr(err, "code", "") or "")
                is_unanswered = isinstance(err, requests.ConnectionError | requests.Timeout)
                words = request_error_text(err, self._api.REST_URL) if is_unanswered else str(err)
                failure = redacted(words, self._secrets)
                response = err.response if isinstance(err, requests.HTTPError) else None
                asked_seconds = None if response is None else retry_after(response.headers.get("Retry-After"))
                if code in REFUSED_CODES or (response is not None and response.status_code in (401, 403)):
                    raise SourceError(f"Flickr refuses the key ({failure}): {CREDENTIALS}") from None
                if code and code == absent:
                    return {}
                if code and code not in TRANSIENT_CODES:
                    raise RefusedCallError(f"Flickr refuses the search: {failure}") from None
                pause_before_retry(self._context.stop, attempt, asked_seconds)
            else:
                self._context.journal.keep_answer(question, answer)
                return answer
        raise SourceError(f"Flickr does not answer: {failure}; {LATER}")

    def started(self) -> int:
        """When this search began, in seconds since 1970; the same in a continued run."""
        question = {"flickr": "started"}
        if self._context.journal.answer(question) is None:
            self._context.journal.keep_answer(question, int(time.time()))
        return int(self._context.journal.answer(question) or 0)


def _check_answer(response: requests.Response, *_: Any, **__: Any) -> None:
    if response.status_code in (401, 403, 429) or response.status_code >= 500:
        raise requests.HTTPError(f"HTTP {response.status_code}", response=response)


def license_reader(dataset: Dataset, context: SourceContext) -> Callable[[str], str | None]:
    """A function that asks for the licence code of a photo id; None if the photo is gone. Raises SourceError."""
    client = FlickrClient(context, endpoint(dataset))
    licenses = read_licenses(client.ask)

    def read_license(photo_id: str) -> str | None:
        photo = client.ask("flickr.photos.getInfo", absent="1", photo_id=photo_id).get("photo")
        return licenses.get(str(photo.get("license")), ("arr", None))[0] if isinstance(photo, dict) else None

    return read_license


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """One search per class. Raises SourceError if credentials are missing or Flickr refuses them."""
    client = FlickrClient(context, endpoint(dataset))
    licenses = read_licenses(client.ask)
    return {search.name: _photos(client, search, dataset, licenses) for search in dataset.classes}


def _photos(
    client: FlickrClient, search: ClassSearch, dataset: Dataset, licenses: dict[str, License]
) -> Iterator[Candidate]:
    """Distinct photos: first the most relevant, then, past the ceiling, one slice of upload dates after another."""
    ids = [i for i, (code, _) in licenses.items() if code in dataset.licenses]
    if not ids:
        raise SourceError(f"Flickr has none of the licences {', '.join(dataset.licenses)}")
    query: dict[str, Any] = {"media": "photos", "content_type": 1, "safe_search": 1, "extras": EXTRAS}
    query |= {"license": ",".join(sorted(ids, key=int)), "per_page": PER_PAGE}
    if search.query or not search.tags:
        query["text"] = search.text
    if search.tags:
        query |= {"tags": search.tags, "tag_mode": "all"}
    seen: set[str] = set()

    def fresh(photos: list[dict[str, Any]]) -> Iterator[Candidate]:
        for photo in photos:
            if (photo_id := str(photo["id"])) not in seen:
                seen.add(photo_id)
                yield _candidate(photo, search, licenses, dataset)

    ended = yield from _pages(client, {**query, "sort": "relevance"}, seen, fresh)
    if not ended:
        for first, last in _slices(client, dataset.seed):
            yield from _slice(client, query, first, last, fresh)


def _pages(client: FlickrClient, query: dict[str, Any], seen: set[str], fresh: Any) -> Generator[Candidate, None, bool]:
    """Pages up to the ceiling; returns whether the search ended before it and no page was repeated."""
    stale = repeated = 0
    for page in range(1, CEILING // PER_PAGE + 1):
        answer = client.ask("flickr.photos.search", **query, page=page)
        photos = [p for p in records(answer, "photos", "photo") if text(p.get("id"))]
        if not photos:
            return repeated == 0
        known = len(seen)
        yield from fresh(photos)
        stale = stale + 1 if len(seen) == known else 0
        repeated += stale > 0
        if stale == STALE_PAGES:
            return False
        if page >= _pages_of(answer):
            return repeated == 0
    return False


def _pages_of(answer: dict[str, Any]) -> int:
    photos = answer.get("photos")
    return number(photos.get("pages")) if isinstance(photos, dict) else 0


def _slices(client: FlickrClient, seed: int) -> list[tuple[int, int]]:
    """Ranges of upload time, in an order that mixes old and new photos; the same in a continued run."""
    now = client.started()
    step = (now - FIRST_UPLOAD) // SLICES + 1
    slices = [(first, min(first + step - 1, now)) for first in range(FIRST_UPLOAD, now, step)]
    random.Random(seed).shuffle(slices)
    return slices


def _slice(client: FlickrClient, query: dict[str, Any], first: int, last: int, fresh: Any) -> Iterator[Candidate]:
    """All photos uploaded between two times, oldest first; at the ceiling a new search starts with the last photo."""
    in_slice: set[str] = set()  # not `seen`: a slice may begin with photos that the first search gave
    while first <= last:
        newest, stale = first, 0
        for page in range(1, CEILING // PER_PAGE + 1):
            dates: dict[str, Any] = {"min_upload_date": first, "max_upload_date": last, "sort": "date-posted-asc"}
            answer = client.ask("flickr.photos.search", **query, **dates, page=page)
            photos = [p for p in records(answer, "photos", "photo") if text(p.get("id"))]
            known = len(in_slice)
            in_slice.update(str(p["id"]) for p in photos)
            yield from fresh(photos)
            newest = max([newest, *(number(p.get("dateupload")) for p in photos)])
            stale = stale + 1 if len(in_slice) == known else 0
            if not photos or stale == STALE_PAGES or page >= _pages_of(answer):
                return
        # both ends are inclusive, so the last second is searched again; ids tell photos apart
        first = max(newest, first + 1)


def _candidate(photo: dict[str, Any], search: ClassSearch, licenses: dict[str, License], dataset: Dataset) -> Candidate:
    code, license_url = licenses.get(str(photo.get("license", "")), (None, None))
    owner, photo_id, title = text(photo.get("owner")), text(photo["id"]) or "", photo.get("title")
    return Candidate(
        class_=search.name,
        source_id=photo_id,
        url=next((url for s in SIZES if (url := text(photo.get(s)))), None),
        page_url=f"https://www.flickr.com/photos/{owner}/{photo_id}" if owner else None,
        owner=owner,
        owner_name=text(photo.get("ownername")),
        license=code,
        license_url=license_url,
        title=text(title.get("_content") if isinstance(title, dict) else title),
        taken=text(photo.get("datetaken")),
        source="flickr",
        read=partial(reject_license, code) if code and code not in dataset.licenses else None,
    )
