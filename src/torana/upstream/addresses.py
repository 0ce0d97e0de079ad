"""Which IP addresses are public: open to the whole Internet, so that calling them reaches nothing of ours."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_CLOSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network, and unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT; some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, private though its number is not
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

# All that is public in IPv6 lies in one block. Outside it are loopback, unspecified, IPv4-mapped and -compatible,
# unique local, link-local, site-local and multicast.
_OPEN_V6 = IPv6Network("2000::/3")

_CLOSED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which wraps any IPv4 address and is used no more
        "3fff::/20",  # documentation
    )
)

_NAT64 = IPv6Network("64:ff9b::/96")

_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is public.

    NAT64 is as public as the IPv4 address it wraps, because in networks of IPv6 alone every name resolves to it.
    """
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_V4)
    if address in _NAT64:
        return is_public(IPv4Address(address.packed[-4:]))
    return address in _OPEN_V6 and not any(address in block for block in _CLOSED_V6)


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a URL's host spells out, IPv6 without its brackets; None for a name.

    ValueError for the other spellings of IPv4 that the C library knows (``127.1``, ``2130706433``, ``0x7f.0.0.1``,
    ``0177.0.0.1``): nobody writes them but to slip past a check.
    """
    if ":" in host or _NUMERIC.fullmatch(host):
        return ip_address(host)
    return None
