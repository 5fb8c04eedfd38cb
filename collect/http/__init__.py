"""One polite, guarded HTTP request: caps, deadlines, no private addresses, typed failures; fetch/ retries."""

from collect.http.addresses import AddressRule, IPAddress, PrivateAddressError, guard, is_public, resolve
from collect.http.request import (
    REQUEST_ERRORS,
    MovedError,
    content_length,
    fetch,
    host_of,
    is_address,
    redirect_target,
    request_error_text,
    retry_after,
)
from collect.http.session import CONNECT_SECONDS, MAX_PER_HOST, PHOTO_LIMITS, Limits, open_session, user_agent
