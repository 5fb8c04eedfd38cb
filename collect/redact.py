"""Text without the secrets of its addresses: what is shown, logged or written to a file has *** in their place.

Secrets are the user and password before a host, and parameters named like `token`, `api_key` or `X-Amz-Signature`.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus

HIDDEN = "***"
# Up to the last @ before the path. A password may contain a slash by mistake: then no port follows the colon.
USER = re.compile(r"""//(?:[^/?#\s]*|[^/?#\s@:\[]{0,200}:(?!\d{0,5}(?:[/?#\s'"]|$))[^\s@]{0,200})@""")
USER_WITHOUT_SCHEME = re.compile(r"^[^/?#\s@:]+:[^/?#\s@]+@")
PARAMETER = re.compile(r"(?<=[?&;#])([^=?&;#\s]{1,100})=([^&#\s]*)")
SECRET_NAME = re.compile(
    r"(?:key|key-?id|token|secret|pass(?:word|wd|phrase)?|pwd|sig(?:nature)?|auth(?:orization)?|credentials?"
    r"|sess(?:ion)?(?:-?id)?|jwt|hmac|hdnea|hdnts)$"
)
LONG_KEY = re.compile(r"[\w-]{16,}")  # the value of a parameter that is just called key, if it is not a name or number


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with *** in place of the secrets in its addresses and of each of `secrets`."""
    for secret in filter(None, secrets):
        for form in {secret, quote(secret), quote(secret, safe="")}:
            text = text.replace(form, HIDDEN)
    text = USER_WITHOUT_SCHEME.sub(f"{HIDDEN}@", USER.sub(f"//{HIDDEN}@", text))
    return PARAMETER.sub(_redact_parameter, text)


def _redact_parameter(found: re.Match[str]) -> str:
    name, value = unquote_plus(found[1]).replace("_", "-").rstrip("[]").lower(), unquote_plus(found[2])
    is_secret = LONG_KEY.fullmatch(value) if name == "key" else SECRET_NAME.search(name)
    # a value may be an address with secrets of its own
    has_secret = value != found[2] and redact(value) != value
    return f"{found[1]}={HIDDEN}" if is_secret or has_secret else found[0]


def is_redacted(url: str) -> bool:
    """Whether an address had secrets, so that it cannot be requested as it is."""
    return url.startswith(f"{HIDDEN}@") or f"//{HIDDEN}@" in url or f"={HIDDEN}" in url
