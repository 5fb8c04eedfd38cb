"""Which addresses may be contacted: those on the open internet, unless the user allows others."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from collect.errors import SourceError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressRule = Callable[[IPAddress], bool]

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
ALLOCATED = ipaddress.IPv6Network("2000::/3")  # the only range from which public IPv6 addresses are given out
PRIVATE_NETWORKS = [
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
ISATAP = 0x5EFE


class PrivateAddressError(SourceError):
    """A host has an address that must not be contacted."""


def resolve(host: str, port: int | None = None) -> list[IPAddress]:
    """All addresses of a host. Raises OSError if it has none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [address_of(answer[4]) for answer in answers]


def address_of(place: tuple[object, ...]) -> IPAddress:
    """The address in what getaddrinfo gives."""
    return ipaddress.ip_address(str(place[0]).partition("%")[0])


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address leads to (IPv4-mapped, 6to4, NAT64); any other address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: IPAddress) -> bool:
    """Whether an address is on the open internet."""
    inner = unwrapped(address)
    if isinstance(inner, ipaddress.IPv4Address):
        return inner.is_global and not inner.is_multicast
    is_isatap = (int(inner) >> 32) & 0xFCFFFFFF == ISATAP  # leads to an IPv4 host within a site
    return inner in ALLOCATED and inner.is_global and not is_isatap  # is_global excludes Teredo


def guard(allow_private: bool, endpoint: str | None = None) -> AddressRule | None:
    """Which addresses may be contacted: public ones and those of an endpoint's kind; None (any) if `allow_private`.

    An endpoint on loopback opens loopback, one in a private network opens private networks. Nothing but
    `allow_private` opens link-local, multicast and reserved addresses.
    """
    if allow_private:
        return None
    kinds: set[str | None] = set()
    if endpoint and (host := urlsplit(endpoint).hostname):
        with suppress(OSError, UnicodeError):  # the request itself reports that the host does not exist
            kinds = {_kind(a) for a in resolve(host)} - {None}
    return lambda address: is_public(address) or _kind(address) in kinds


def _kind(address: IPAddress) -> str | None:
    inner = unwrapped(address)
    if inner.is_loopback:
        return "loopback"
    return "private" if any(inner in network for network in PRIVATE_NETWORKS) else None


def check_addresses(host: str, addresses: Iterable[IPAddress], may_contact: AddressRule) -> None:
    """Raise PrivateAddressError if a host has any address that must not be contacted."""
    if refused := next((a for a in addresses if not may_contact(a)), None):
        raise PrivateAddressError(f"{host} is {refused}, not a public address; --allow-private would allow it")
