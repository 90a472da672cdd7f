"""The page: what it says, that nothing in it is anybody else's, and how it looks in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from tests.browser import Browser, browser_program
from tests.unit.evidence.support import check, report
from toolkit.evidence.page import as_html
from toolkit.evidence.page.picture import RESOURCES, Panel, panels, resource_of, route_state
from toolkit.evidence.page.view import CATEGORIES, PLACES
from toolkit.records import Json

LONG = "x" * 300
DENIED = {"expectation": "denial"}
CHECKS = (
    check("dns-storage-private", identity="anonymous", evidence={"addresses": {"a.blob": ["10.0.0.4", "10.0.0.5"]}}),
    check("dns-vault-private", "FAIL", identity="anonymous", reason="a public address", hint="link the zone"),
    check("storage-vnet-write", evidence={"bytes": 256, "blob": f"smoke/{LONG}"}, controls=["NS-2", "SC-7"]),
    check("storage-reader-write-denied", identity="reader", evidence={"denial": "storage-role"}, **DENIED),
    check("storage-internet-write-denied", vantage="internet", evidence={"denial": "storage-firewall"}, **DENIED),
    check("storage-internet-lake-denied", "FAIL", vantage="internet", reason="was allowed", hint="set Deny", **DENIED),
    check("keyvault-internet-denied", "FAIL", vantage="internet", evidence={"denial": "other"}, **DENIED),
    check("storage-adf-managed-pointers", vantage="adf-managed"),
    check("storage-aml-managed-write", "SKIP", vantage="aml-managed", red=False, requirement="vantage:aml-managed"),
    check("batch-vnet-jobs", "SKIP", red=True, requirement="identity:writer"),
    check("rbac-probes-minimal", vantage=None, identity="runner", evidence={"assignments": [{"role": "Reader"}]}),
    check("posture-idle", "FAIL", red=False, severity="warning", vantage=None, identity="runner"),
)
RED = report(*CHECKS)
UNPROVEN = {
    "environment": "dev",
    "time": "2026-01-01T00:00:00+00:00",
    "ran": False,
    "green": None,
    "reason": "--no-smoke",
}


def page(document: Json) -> Any:
    return lxml.html.fromstring(as_html(document))


def words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


# -- what it says ------------------------------------------------------------------------------------------------------


def test_the_verdict_and_what_needs_somebody_come_first() -> None:
    html = page(RED)
    assert words(html.find_class("verdict")[0]).startswith("✕ Red 4 checks of 12 did not hold; in 2.5 s.")
    assert [words(one) for one in html.find_class("tally")[0]] == [
        *("6 Passed", "3 Failed", "1 Not allowed to skip", "1 Warning", "1 Skipped"),
    ]
    wrong = [words(one) for one in html.find_class("wrong")[0]]
    assert ["dns-vault-private" in wrong[0], "was allowed What to do: set Deny" in wrong[1]] == [True, True]
    assert [one.get("class") for one in html.find_class("wrong")[0]] == ["fail", "fail", "fail", "refused", "warn"]


@pytest.mark.parametrize(
    ("document", "start"),
    [
        (report(), "✓ Green 1 promise held when somebody tried, 0 of them a refusal; in 2.5 s."),
        (report(CHECKS[3], CHECKS[2]), "✓ Green 2 promises held when somebody tried, 1 of them a refusal; in 2.5 s."),
        (report(CHECKS[8]), "✕ Red No check passed: nothing was proven."),
        (report(verdict="interrupted", green=False), "✕ Interrupted Somebody ended the run after 2.5 s."),
        (UNPROVEN, "– Nothing was proven --no-smoke."),
    ],
)
def test_each_verdict_in_words(document: Json, start: str) -> None:
    assert words(page(document).find_class("verdict")[0]).startswith(start)


def test_every_check_is_there_with_its_circumstances() -> None:
    html = page(RED)
    found = {one.get("id"): one for one in html.iter("details") if one.get("id")}
    assert set(found) == {f"check-{one['id']}" for one in CHECKS}
    assert {name for name, one in found.items() if one.get("open") is not None} == {
        f"check-{one['id']}" for one in CHECKS if one["outcome"] == "FAIL" or one["red"]
    }
    text = words(found["check-storage-vnet-write"])
    for part in ("Expected works", "From the virtual network", "As writer", "Controls NS-2, SC-7", "bytes 256", LONG):
        assert part in text
    assert "Expected is refused" in words(found["check-storage-internet-lake-denied"])
    assert "Needs vantage:aml-managed" in words(found["check-storage-aml-managed-write"])
    assert "docs/checks.md#posture-idle" in words(found["check-posture-idle"])


def test_requests_and_chains_are_tables() -> None:
    sent = [{"method": "PUT", "url": "https://a.blob/x", "status": 403, "code": "AuthorizationFailure", "times": 3}]
    link = {
        "link": "pointer",
        "stage": "train",
        "value": "code:1",
        "expected": "code:2",
        "holds": False,
        "read_from": "x",
    }
    html = page(report(check("runtime-code", "FAIL", evidence={"chain": [link]}, requests=sent)))
    assert words(html.find_class("requests")[0]).endswith("PUT https://a.blob/x 403 AuthorizationFailure 3 times")
    assert words(html.find_class("chain")[0]).endswith("train pointer code:1, not code:2 x")


# -- the picture -------------------------------------------------------------------------------------------------------


def drawn(document: Json) -> dict[str, dict[tuple[str, str], str]]:
    return {p.name: {(r.identity, r.resource): r.state for r in p.routes} for p in panels(document)}


def test_the_picture_is_what_was_measured_and_nothing_else() -> None:
    assert drawn(RED) == {
        "internet": {
            ("writer", "Storage account"): "border",
            ("writer", "Data lake"): "let-in",
            ("writer", "Key vault"): "failed",
        },
        "vnet": {
            ("writer", "Storage account"): "reached",
            ("reader", "Storage account"): "service",
            ("writer", "Batch"): "unproven",
        },
        "adf-managed": {("writer", "Code pointers"): "reached"},
        "aml-managed": {("writer", "Storage account"): "unproven"},
        "control-plane": {("runner", "Roles"): "reached", ("runner", "Settings"): "warned"},
    }
    assert panels(report()) != []
    assert panels(UNPROVEN) == []


def asked(host: str, status: int) -> Json:
    return {"method": "GET", "url": f"https://{host}/x", "status": status, "code": None, "times": 1}


LAKE = check(
    "dns-lake-private", identity="anonymous", evidence={"addresses": {"dls1.blob.core.windows.net": ["10.0.0.9"]}}
)
BLOB, VAULT = "dls1.blob.core.windows.net", "kv1.vault.azure.net"


@pytest.mark.parametrize(
    ("one", "routes"),
    [
        (check("storage-x", requests=[asked(BLOB, 200)]), {"Data lake": "reached"}),
        (check("storage-x", requests=[asked("unheard.example", 200)]), {"Storage account": "reached"}),
        (
            check("storage-x", requests=[asked(BLOB, 403), asked(VAULT, 403)], **DENIED,
                  evidence={"refused": {"a": {"denial": "storage-firewall"}, "b": {"denial": "vault-firewall"}}}),
            {"Data lake": "border", "Key vault": "border"},
        ),
        (
            check("storage-x", requests=[asked(BLOB, 403)], **DENIED,
                  evidence={"refused": {"a": {"denial": "storage-firewall"}, "b": {"denial": "token"}}}),
            {"Data lake": "service"},
        ),
        (
            check("storage-x", "FAIL", requests=[asked(BLOB, 201), asked(VAULT, 403)], **DENIED),
            {"Data lake": "let-in", "Key vault": "service"},
        ),
        (
            check("storage-x", "FAIL", requests=[asked(BLOB, 403), asked(VAULT, 200)]),
            {"Data lake": "failed", "Key vault": "reached"},
        ),
        (
            check("storage-x", "FAIL", reason=f"listing {BLOB} got as far as its role", **DENIED,
                  requests=[asked(BLOB, 403), asked(VAULT, 403)]),
            {"Data lake": "let-in", "Key vault": "service"},
        ),
        (
            check("storage-x", "FAIL", requests=[asked(BLOB, 403), asked(VAULT, 403)], **DENIED),
            {"Data lake": "let-in", "Key vault": "let-in"},
        ),
        (check("storage-x", "FAIL", requests=[asked(BLOB, 200)]), {"Data lake": "failed"}),  # other bytes than written
    ],
)  # fmt: skip
def test_a_line_leads_to_whom_was_really_asked(one: Json, routes: dict[str, str]) -> None:
    found = drawn(report(LAKE, one))["vnet"]
    assert {resource: state for (_, resource), state in found.items()} == routes


def test_addresses_stand_at_what_has_them_and_a_wrong_one_is_red() -> None:
    (inside,) = (panel for panel in panels(RED) if panel.name == "vnet")
    boxes = {box.name: (box.note, box.broken) for box in inside.resources}
    assert boxes == {
        "Storage account": ("10.0.0.4 +1", False),
        "Batch": ("", False),
        "Key vault": ("wrong address", True),
    }
    assert inside.broken


def test_red_is_drawn_over_the_rest() -> None:
    (outside,) = (panel for panel in panels(RED) if panel.name == "internet")
    assert [line.route.state for line in outside.lines] == ["border", "failed", "let-in"]


def overlap(panel: Panel) -> list[str]:
    columns = (panel.identities, panel.resources)
    return [b.name for column in columns for a, b in pairwise(column) if a.y + a.height > b.y]


def many() -> Json:
    names = ("storage", "lake", "pointer", "vault", "registry", "workspace", "batch", "function")
    identities = ("runner", "reader", "writer", "nobody", "anonymous", "identity-with-a-long-name")
    return report(
        *(
            check(
                f"storage-{name}-{identity}", ("PASS", "FAIL", "SKIP")[(i + j) % 3], vantage="vnet", identity=identity
            )
            for i, name in enumerate(names)
            for j, identity in enumerate(identities)
        )
    )


@pytest.mark.parametrize("document", [RED, many(), report()])
def test_boxes_do_not_overlap_and_lines_end_inside(document: Json) -> None:
    for panel in panels(document):
        assert overlap(panel) == []
        for line in panel.lines:
            box = next(one for one in panel.resources if one.name == line.route.resource)
            assert box.y < line.y2 < box.y + box.height
        assert len({(line.route.resource, line.y2) for line in panel.lines}) == len(panel.lines)


def test_every_check_of_the_suite_has_a_name_for_what_it_asks_and_where() -> None:
    from toolkit.smoke.registry import EVERY
    from toolkit.vantages import VantageName

    named = {*CATEGORIES.values(), *(name for _, name in RESOURCES)}
    for one in EVERY:
        row = {"id": one.id, "category": one.category, "vantage": one.vantage}
        assert resource_of(row) in named, one.id
        assert one.category in CATEGORIES
    assert set(VantageName.__args__) == set(PLACES)


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (check("a", **DENIED, evidence={"denial": "vault-firewall"}), "border"),
        (check("a-denied", evidence={"denial": "anonymous"}), "service"),
        (check("a", "SKIP", red=True), "unproven"),
        (check("a", "FAIL", **DENIED), "let-in"),
        (check("a", "FAIL", **DENIED, evidence={"denial": "other"}), "failed"),
    ],
)
def test_where_a_line_ends(one: Json, state: str) -> None:
    assert route_state(one) == state


# -- nothing of anybody else's -----------------------------------------------------------------------------------------

HOSTILE = (
    "<script>document.title='pwned'</script>\"'><img src=x onerror=\"document.title='pwned'\">"
    "\x00\x1b[31m&amp;{{ 7 * 7 }}"
)


def hostile(value: Any) -> Any:
    """Every text in a document, made hostile; what decides the shape stays."""
    if isinstance(value, dict):
        kept = ("outcome", "severity", "vantage", "expectation")
        return {name: one if name in kept else hostile(one) for name, one in value.items()}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return f"{value} {HOSTILE}" if isinstance(value, str) else value


def test_hostile_names_stay_text() -> None:
    link = {"link": "l", "stage": "s", "value": "v", "expected": "e", "holds": False, "read_from": "r"}
    sent = [{"method": "GET", "url": "https://x", "status": 200, "code": "c"}]
    document = hostile(report(*CHECKS, check("runtime-x", "FAIL", evidence={"chain": [link]}, requests=sent)))
    document["checks"][0]["evidence"] = {HOSTILE: {HOSTILE: [HOSTILE]}, "addresses": {"x": [HOSTILE]}}
    document["checks"][2]["vantage"] = HOSTILE
    text = as_html(document)
    html = lxml.html.fromstring(text)
    assert [one.tag for one in html.iter("script", "img", "link", "iframe", "object", "base")] == []
    assert [name for one in html.iter() for name in one.attrib if name.startswith("on")] == []
    assert "\x00" not in text
    assert "\x1b" not in text
    assert text.count("{{ 7 * 7 }}") > 20  # no template in a template
    assert HOSTILE.replace("\x00", "�").replace("\x1b", "�").split("&")[0] in html.text_content()


@pytest.mark.parametrize("document", [RED, UNPROVEN, many()])
def test_it_refers_to_nothing_outside_and_its_anchors_lead_somewhere(document: Json) -> None:
    html = page(document)
    targets = [value for one in html.iter() for name, value in one.attrib.items() if name in ("href", "src", "action")]
    ids = [one.get("id") for one in html.iter() if one.get("id")]
    assert [target for target in targets if not target.startswith("#")] == []
    assert {target[1:] for target in targets} - {"checks"} <= set(ids)
    assert len(ids) == len(set(ids))
    labels = {name for one in html.iter() for name in (one.get("aria-labelledby") or "").split()}
    assert labels <= set(ids)
    assert [words(one) for one in html.iter("th") if one.get("scope") not in ("col", "row")] == []
    levels = [int(one.tag[1]) for one in html.iter("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in pairwise(levels))


# -- in a browser ------------------------------------------------------------------------------------------------------

DOCUMENTS = {"red": RED, "green": report(), "unproven": UNPROVEN, "many": many(), "hostile": hostile(RED)}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = browser_program()
    if program is None:
        pytest.skip("there is no Chromium on this machine (apt install chromium-headless-shell)")
    with Browser(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("width", [320, 375, 1280])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_fits_a_phone_and_a_desktop(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    """Nothing to scroll sideways, nothing that the browser complains of, nothing asked of anybody. Screenshots stay."""
    path = tmp_path / f"{name}.html"
    path.write_text(as_html(DOCUMENTS[name]), encoding="utf-8")
    for scheme in ("light", "dark"):
        browser.open(path, width, scheme=scheme)
        browser.screenshot(tmp_path / f"{name}-{width}-{scheme}.png")
        assert browser.problems() == []
        assert browser.requested() == [path.as_uri()]
        assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert browser.evaluate(_TOO_WIDE) == []
        assert browser.evaluate("document.title") != "pwned"
        assert browser.evaluate("document.querySelectorAll('script,img').length") == 0
    assert (tmp_path / f"{name}-{width}-dark.png").stat().st_size > 10_000


# Elements that reach over the window's edge, but for what scrolls by itself.
_TOO_WIDE = """[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, svg, .visually-hidden, .skip-link'))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.outerHTML.slice(0, 99))"""


def contrast(foreground: str) -> str:
    """WCAG's ratio of a selector's colour to what is behind it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    return f"""(() => {{
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => rgb(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  return [...document.querySelectorAll({foreground!r})].map(e => {{
    let behind = e;
    while (behind && (rgb(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
    const [a, b] = [light(getComputedStyle(e).color), light(getComputedStyle(behind || document.body).backgroundColor)];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }}).reduce((least, ratio) => Math.min(least, ratio), 99);
}})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """Level AA: 4.5 for text."""
    path = tmp_path / "page.html"
    path.write_text(as_html(RED), encoding="utf-8")
    browser.open(path, 1280, scheme=scheme)
    for selector in (".verdict p", ".verdict h2", ".tally .word", ".check .id", ".check .time", ".hint", ".mark", "dt",
                     ".panel p", "caption", "th", "a", "footer p", ".filter span", ".lead"):  # fmt: skip
        assert browser.evaluate(contrast(selector)) >= 4.5, selector


def test_it_works_with_a_keyboard_and_a_screen_reader(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(as_html(RED), encoding="utf-8")
    browser.open(path, 375)
    assert "The internet: who reached what" in browser.names("image", "img")
    assert {"All", "Failed", "Skipped"} <= set(browser.names("radio"))
    assert any(
        "storage-vnet-write" in name and "Passed" in name for name in browser.names("DisclosureTriangle", "button")
    )
    shown = "[...document.querySelectorAll('.check')].filter(e => e.checkVisibility()).map(e => e.id.slice(6))"
    assert len(browser.evaluate(shown)) == len(CHECKS)
    browser.evaluate("document.querySelector('#show-wrong').click()")
    assert browser.evaluate(shown) == [
        one["id"] for one in sorted(CHECKS, key=lambda one: [c["category"] for c in CHECKS].index(one["category"]))
        if one["outcome"] == "FAIL" or one["red"]
    ]  # fmt: skip
    browser.evaluate("document.querySelector('#show-skipped').click()")
    assert browser.evaluate(shown) == ["storage-aml-managed-write", "batch-vnet-jobs"]


def test_on_paper_everything_is_unfolded(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(as_html(RED), encoding="utf-8")
    hidden = """[...document.querySelectorAll('details > .body, .as-table > :not(summary)')]
      .filter(e => !e.checkVisibility()).length"""
    browser.open(path, 800)
    assert browser.evaluate(hidden) > 0
    browser.open(path, 800, media="print")
    browser.screenshot(tmp_path / "print.png")
    assert browser.evaluate(hidden) == 0
    assert not browser.evaluate("document.querySelector('.filter').checkVisibility()")
