"""Ranges that no environment uses, and the one change of a key in env.toml."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from tests.conftest import copy_project
from toolkit.environment import environment_names, load_environment
from toolkit.environment.addresses import address_space, free_range, parse_range, used_ranges
from toolkit.environment.editing import with_string
from toolkit.errors import ToolkitError, UsageError
from toolkit.project import Project
from toolkit.terraform.new_environment import check_name

TAKEN = {IPv4Network(f"10.41.{at}.0/20"): "envs/dev/terraform.tfvars" for at in (0, 32)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(copy_project(tmp_path_factory.mktemp("new")))


@pytest.mark.parametrize(
    ("like", "free"),
    [
        ("10.41.0.0/20", "10.41.16.0/20"),
        ("10.41.32.0/20", "10.41.48.0/20"),
        ("10.41.0.0/16", "10.42.0.0/16"),
        ("10.255.240.0/20", "10.255.240.0/20"),
        ("192.168.4.0/24", "192.168.4.0/24"),
    ],
)
def test_the_next_range_of_that_size_that_overlaps_none(like: str, free: str) -> None:
    assert free_range(IPv4Network(like), TAKEN) == IPv4Network(free)


def test_the_search_goes_round_in_its_block_and_ends() -> None:
    last = IPv4Network("192.168.128.0/17")
    assert free_range(last, {last: "x"}) == IPv4Network("192.168.0.0/17")
    with pytest.raises(UsageError, match="no range of the size /17 is free"):
        free_range(last, {IPv4Network("192.168.0.0/16"): "x"})
    with pytest.raises(UsageError, match="no private range"):
        free_range(IPv4Network("8.8.8.0/24"), {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10.41.8.0/24", "overlaps 10.41.0.0/20, which envs/dev/terraform.tfvars uses"),
        ("10.0.0.0/8", "overlaps 10.41.0.0/20"),
        ("10.44.0.1/20", "host bits"),
        ("8.8.8.0/24", "no private IPv4 range"),
        ("fd00::/48", "no private IPv4 range"),
        ("here", "does not appear to be"),
    ],
)
def test_a_range_that_cannot_be(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_range(text, TAKEN)


def test_every_environment_of_the_example_has_a_range_of_its_own(project: Project) -> None:
    used = used_ranges(project)
    for name in environment_names(project):
        own = address_space(load_environment(name, project))
        assert own in used
        assert not any(own.overlaps(other) for other in used if other != own)


@pytest.mark.parametrize("name", ["", "Qa", "q", "toolong8", "../qa", "qa@sandbox", "1qa", "q-a"])
def test_a_name_that_no_environment_can_have(project: Project, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of an environment"):
        check_name(name, project)


def test_a_name_that_one_has(project: Project) -> None:
    with pytest.raises(UsageError, match="envs/dev is there already"):
        check_name("dev", project)


def test_one_string_is_replaced_and_every_other_byte_stays() -> None:
    text = '# tenant = "no"\ntenant   = \'a\' # ours\n\n[other]\ntenant = "b"\n'
    assert with_string(text, "tenant", "c") == text.replace("'a'", '"c"')
    with pytest.raises(ToolkitError, match=r"location of env\.toml cannot be replaced"):
        with_string(text, "location", "c")
