from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from torana.upstream.addresses import is_public, literal

PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
    *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255"),
    *("169.253.255.255", "169.255.0.0", "198.17.255.255", "198.20.0.0", "192.0.1.0", "168.63.129.15"),
    *("2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1", "2001:200::1", "2003::1", "3ffe:ffff::1"),
    *("64:ff9b::808:808", "64:ff9b::8.8.8.8"),
]
CLOSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.127.255.255", "100.100.100.200"),
    *("127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.0"),
    *("172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255"),
    *("198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::8.8.8.8", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::808:808", "100::1"),
    *("2001::1", "2001:0:4136:e378::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1"),
    *("2002:7f00:1::1", "2002:808:808::1", "3fff::1", "3fff:fff:ffff::1", "5f00::1", "4000::1", "fc00::1"),
    *("fd00:ec2::254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", CLOSED)
def test_not_public(address):
    assert not is_public(ip_address(address))


@given(ip_addresses())
def test_never_laxer_than_the_standard_library(address):
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@given(ip_addresses(v=4))
def test_nat64_is_what_it_wraps(address):
    assert is_public(IPv6Address(int(IPv6Address("64:ff9b::")) + int(address))) == is_public(address)


@given(ip_addresses())
def test_addresses_are_literals(address):
    assert literal(str(address)) == address


def test_literals():
    assert literal("127.0.0.1") == IPv4Address("127.0.0.1")
    assert literal("::1") == IPv6Address("::1")


@pytest.mark.parametrize("host", ["", "localhost", "example.com", "1.example", "10.0.0.1.nip.io", "0x7f.example", "a1"])
def test_names_are_no_literals(host):
    assert literal(host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "0X7F000001", "017700000001", "127.1", "127.0.1", "0x7f.1", "0x7f.0.0.1"),
        *("0177.0.0.1", "127.0.0.01", "127.0.0.0x1", "127.0.0.1.", "2130706433.", "0", "0x", "256.0.0.1", "1.2.3.4.5"),
        *("name.127", "name.0x7f", "[::1]", "::1::", "127.0.0.1:80", ":"),
    ],
)
def test_disguised_addresses_are_refused(host):
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        literal(host)
