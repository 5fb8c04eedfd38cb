"""Openverse's image search as a source: openly licensed photos of many hosts, without a key."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from collect.candidate import Candidate, SourceContext, Streams, reject_license
from collect.datasets import ClassSearch, Dataset
from collect.errors import SourceError, UsageError
from collect.http import request_error_text, retry_after
from collect.sources.api import (
    CALL_ERRORS,
    LATER,
    TRIES,
    CallBudget,
    endpoint,
    number,
    open_api,
    pause_before_retry,
    records,
    redacted,
    text,
)

API = "https://api.openverse.org"
PER_PAGE, PAGES = 20, 12  # anonymous: 20 results a page, 240 a query (openverse#4474)
ANONYMOUS = ((20, 60.0), (200, 86_400.0))
REGISTERED = ((100, 60.0), (10_000, 86_400.0))
MAX_QUERY = 200  # longer ones are cut silently
SIZES = ("medium", "large")
LICENSES = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm")
ADVICE = "or register and set OPENVERSE_CLIENT_ID and OPENVERSE_CLIENT_SECRET (100 a minute, 10,000 a day)"


def calls_file(data: Path, registered: bool) -> Path:
    """Where the calls are counted."""
    return data / f".openverse_calls_{'registered' if registered else 'anonymous'}.json"


class OpenverseClient:
    """Calls to Openverse, anonymous or registered. The secret and the token never leave this object."""

    def __init__(self, context: SourceContext, url: str | None):
        base = (url or API).rstrip("/")
        self._base = base if base.endswith("/v1") else f"{base}/v1"
        self._context = context
        self._session = open_api(context, url)
        names = ("OPENVERSE_CLIENT_ID", "OPENVERSE_CLIENT_SECRET")
        self._secrets = [os.environ.get(n, "").strip() for n in names]
        if any(self._secrets) and not all(self._secrets):
            raise SourceError(f"Openverse: set both {names[0]} and {names[1]}, or neither")
        self.registered = all(self._secrets)
        self.limits = REGISTERED if self.registered else ANONYMOUS
        path = calls_file(context.data, self.registered)
        self._budget = CallBudget("Openverse", path, self.limits, ADVICE, context.stop, context.notify)

    def ask(self, path: str, **params: Any) -> Any:
        """The answer to one call; the journal answers calls that were made before. Raises SourceError."""
        question = {"openverse": path, **params}
        if (known := self._context.journal.answer(question)) is not None:
            return known
        if self.registered and "Authorization" not in self._session.headers:
            self._sign_in()
        answer = self._call("GET", path, params=params)
        self._context.journal.keep_answer(question, answer)
        return answer

    def _sign_in(self) -> None:
        grant = {"grant_type": "client_credentials"}
        data = dict(zip(("client_id", "client_secret"), self._secrets, strict=True)) | grant
        answer = self._call("POST", "auth_tokens/token/", data=data)
        token = text(answer.get("access_token")) if isinstance(answer, dict) else None
        if not token or not token.isprintable():
            raise SourceError("Openverse refuses OPENVERSE_CLIENT_ID and OPENVERSE_CLIENT_SECRET")
        self._secrets.append(token)
        self._session.headers["Authorization"] = f"Bearer {token}"

    def _call(self, verb: str, path: str, **arguments: Any) -> Any:
        failure = ""
        for attempt in range(TRIES):
            self._budget.spend()
            wait = None
            try:
                response = self._session.request(verb, f"{self._base}/{path}", timeout=30, **arguments)
                if response.status_code == 200:
                    return response.json()
                failure, wait = f"HTTP {response.status_code}", retry_after(response.headers.get("Retry-After"))
                detail = redacted(response.text, self._secrets)
                if response.status_code in (401, 403):
                    raise SourceError(f"Openverse refuses ({failure}): {detail}; {ADVICE}")
                if response.status_code < 500 and response.status_code != 429:
                    raise SourceError(f"Openverse refuses the search ({failure}): {detail}")
            except CALL_ERRORS as err:
                failure = redacted(request_error_text(err, self._base), self._secrets)
            pause_before_retry(self._context.stop, attempt, wait)
        raise SourceError(f"Openverse does not answer: {failure}; {LATER}")


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """One search per class. Raises UsageError for licences that Openverse lacks, or a query that is too long."""
    codes = [code for code in dataset.licenses if code in LICENSES]
    if not codes:
        raise UsageError(f"Openverse has only {', '.join(LICENSES)}, not {', '.join(dataset.licenses)}")
    for search in dataset.classes:
        if len(_query(search)) > MAX_QUERY:
            raise UsageError(f"{search.name}: the query is too long; Openverse allows {MAX_QUERY} characters")
    client = OpenverseClient(context, endpoint(dataset))
    pages = len(dataset.classes) * -(-((dataset.train or 0) + (dataset.test or 0)) // PER_PAGE)
    (burst, _), (daily, _) = client.limits
    minutes = max(0, pages - burst) / burst
    context.notify(
        f"Openverse: about {pages:,} requests of {PER_PAGE} photos, {burst} a minute and {daily:,} a day "
        f"{'registered' if client.registered else 'anonymously'}: "
        + (f"{minutes:,.0f} minutes" if pages <= daily else f"{-(-pages // daily)} days, or register ({ADVICE[3:]})")
    )
    return {search.name: _photos(client, search, codes) for search in dataset.classes}


def _query(search: ClassSearch) -> str:
    return search.query or search.tags or search.text


def _photos(client: OpenverseClient, search: ClassSearch, codes: list[str]) -> Iterator[Candidate]:
    """Distinct photos: page 1 of every query of a round, then page 2, ...: the most relevant first."""
    seen: set[str] = set()
    for queries in _rounds(client, search, codes):
        in_round: set[str] = set()  # not `seen`: a query may begin with photos that an earlier round gave
        for page in range(1, PAGES + 1):
            unfinished = []
            for query in queries:
                answer = client.ask("images/", **query, page=page)
                results = {id_: r for r in records(answer, "results") if (id_ := text(r.get("id")))}
                yield from (_candidate(id_, r, search, codes) for id_, r in results.items() if id_ not in seen)
                ids = results.keys()
                seen |= ids
                if ids - in_round and page < (number(answer.get("page_count")) if isinstance(answer, dict) else 0):
                    unfinished.append(query)  # one with nothing new ends
                in_round |= ids
            queries = unfinished


def _rounds(client: OpenverseClient, search: ClassSearch, codes: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Queries for all licences together, then, past 240 photos, by licence and size, then by host."""
    base = {"q": _query(search), "page_size": PER_PAGE, "category": "photograph"}
    yield [{**base, "license": ",".join(codes)}]
    yield [{**base, "license": code, "size": size} for code in codes for size in SIZES]
    hosts = [name for s in records(client.ask("images/stats/")) if (name := text(s.get("source_name")))]
    yield [{**base, "license": code, "source": host} for host in hosts for code in codes]


def _candidate(id_: str, result: dict[str, Any], search: ClassSearch, codes: list[str]) -> Candidate:
    code = text(result.get("license"))
    return Candidate(
        class_=search.name,
        source_id=id_,
        url=text(result.get("url")),
        page_url=text(result.get("foreign_landing_url")),
        owner=text(result.get("creator_url")) or text(result.get("creator")),
        owner_name=text(result.get("creator")),
        license=code,
        license_url=text(result.get("license_url")),
        title=text(result.get("title")),
        source="openverse",
        read=None if code in codes else partial(reject_license, str(code)),
    )
