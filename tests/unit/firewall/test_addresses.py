"""What --ip may be."""

from __future__ import annotations

import pytest

from toolkit.errors import UsageError
from toolkit.firewall.addresses import given_addresses


@pytest.mark.parametrize(
    ("texts", "addresses"),
    [
        (["203.0.113.7"], {"203.0.113.7"}),
        (["203.0.113.7/32", "203.0.113.7"], {"203.0.113.7"}),
        (["203.0.113.6/31"], {"203.0.113.6", "203.0.113.7"}),  # storage takes no range of two
        (["203.0.113.0/30", "8.8.8.0/24"], {"203.0.113.0/30", "8.8.8.0/24"}),
    ],
)
def test_addresses_and_ranges(texts: list[str], addresses: set[str]) -> None:
    assert given_addresses(texts) == addresses


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.1.2.3", r"--ip 10\.1\.2\.3 is not public: 10\.0\.0\.0/8 is for networks of their own"),
        ("100.64.0.1", "is not public: 100.64.0.0/10"),
        ("172.20.0.0/16", "is not public: 172.16.0.0/12"),
        ("0.0.0.0/0", "is not public: 0.0.0.0/8"),
        ("8.0.0.0/5", "is not public: 10.0.0.0/8"),
        ("127.0.0.1", "is not public: 127.0.0.0/8"),
        ("2001:db8::1", "is IPv6, and rules for addresses take IPv4 only"),
        ("2001:db8::/64", "is IPv6"),
        ("203.0.113.7/24", "does not begin its range"),
        ("203.0.113.999", "is no IPv4 address or range"),
        ("here", "is no IPv4 address or range"),
    ],
)
def test_what_no_rule_takes_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        given_addresses([text])
    assert caught.value.hint
