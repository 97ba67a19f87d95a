"""A fetch reaches public addresses and the listed networks, in whatever clothes an address comes."""

from ipaddress import ip_address, ip_network

import pytest

from mlapi_runtime.fetch.addresses import permitted


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]
)
def test_public_address_is_permitted(address: str) -> None:
    assert permitted(ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1",

        "239.1.1.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "::ffff:127.0.0.1",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert not permitted(ip_address(address), ())


def test_listed_network_is_permitted_and_its_neighbour_is_not() -> None:
    allowed = (ip_network("10.96.0.0/16"), ip_network("fd00:1::/32"))
    assert permitted(ip_address("10.96.3.4"), allowed)
    assert permitted(ip_address("::ffff:10.96.3.4"), allowed)
    assert permitted(ip_address("fd00:1::5"), allowed)
    assert not permitted(ip_address("10.97.0.1"), allowed)
