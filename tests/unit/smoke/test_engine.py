"""What the engine promises: retries until a deadline, expected denials, no bug called a skip, and clean-up."""

from __future__ import annotations

import _thread
import re
import signal
import threading
from collections.abc import Callable
from typing import Any, get_args

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from tests.unit.azure.web import Answer, serve, storage_error
from tests.unit.smoke.support import ManualClock, Recorder, check, connection
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.azure.denial import DenialKind
from toolkit.checks.causes import CAUSES, Cause, cause_of
from toolkit.checks.engine import WORKERS, SystemClock
from toolkit.checks.model import Check, CheckFailed, CheckResult, CheckSkipped, Facts, RunResult
from toolkit.errors import ToolkitError, UsageError
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denial
from toolkit.smoke.run import RunInterrupted, RunLost, run


def run_one(
    function: Callable[[Context], Facts],
    clock: ManualClock | None = None,
    recorder: Recorder | None = None,
    outputs: dict[str, Any] | None = None,
    patience: float = 1,
    **changes: Any,
) -> CheckResult:
    result = run(
        connection("internet", "vnet"),
        outputs or {},
        [check(function, **changes)],
        patience=patience,
        clock=clock or ManualClock(),
        observer=recorder,
    )
    return result.results[0]


def denied(answer: Answer, context: Context) -> None:
    with serve(answer) as web, context.actor.blobs(f"{web.url}/account") as service:
        next(iter(service.get_container_client("smoke").list_blobs()), None)


FIREWALL = storage_error(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
ROLE = storage_error(403, "AuthorizationPermissionMismatch", "This request is not authorized …")


def test_pass_keeps_the_evidence() -> None:
    result = run_one(lambda context: {"bytes": 3})
    assert (result.outcome, result.facts, result.attempts, result.red) == ("PASS", {"bytes": 3}, 1, False)


def test_a_final_failure_is_not_tried_again() -> None:
    def fails(context: Context) -> Facts:
        raise CheckFailed("allowSharedKeyAccess is True", hint="set it back")

    clock = ManualClock()
    result = run_one(fails, clock)
    assert (result.outcome, result.reason, result.hint) == ("FAIL", "allowSharedKeyAccess is True", "set it back")
    assert (result.attempts, clock.waits) == (1, [])


def test_retried_with_back_off_until_it_passes() -> None:
    attempts: list[int] = []

    def third_time(context: Context) -> Facts:
        attempts.append(1)
        if len(attempts) < 3:
            raise CheckFailed("not yet", retry_seconds=60)
        return {}

    clock, recorder = ManualClock(), Recorder()
    result = run_one(third_time, clock, recorder)
    assert (result.outcome, result.attempts, clock.waits) == ("PASS", 3, [1, 2])
    assert recorder.events == [
        "started storage-test",
        "retrying storage-test 1: not yet, 60 s left",
        "retrying storage-test 2: not yet, 59 s left",
        "finished storage-test PASS",
    ]


def test_the_deadline_ends_the_retries_and_patience_scales_it() -> None:
    def never(context: Context) -> Facts:
        raise CheckFailed("still wrong", retry_seconds=60)

    clock = ManualClock()
    assert run_one(never, clock).outcome == "FAIL"
    assert clock.time == pytest.approx(60)
    hurried = ManualClock()
    result = run_one(never, hurried, patience=0.1)
    assert hurried.time == pytest.approx(6)
    assert result.attempts == len(hurried.waits) + 1
    once = ManualClock()
    assert (run_one(never, once, patience=0).attempts, once.waits) == (1, [])


def test_an_azure_refusal_is_explained_and_waited_for_as_long_as_its_kind_takes() -> None:
    clock = ManualClock()

    def refused(context: Context) -> Facts:
        denied(ROLE, context)
        return {}

    result = run_one(refused, clock, identity="anonymous")
    assert result.outcome == "FAIL"
    assert "AuthorizationPermissionMismatch" in result.reason
    assert result.facts["request_id"] == "r-1"
    assert clock.time == pytest.approx(ROLE_SECONDS)


def test_an_expected_denial_passes_at_once() -> None:
    def expected(context: Context) -> Facts:
        return expect_denial(
            context, lambda: denied(FIREWALL, context), ("storage-firewall",), "a write", if_allowed="close"
        )

    clock = ManualClock()
    result = run_one(expected, clock, identity="anonymous")
    assert (result.outcome, clock.waits) == ("PASS", [])
    assert result.facts == {
        "denial": "storage-firewall",
        "status": 403,
        "code": "AuthorizationFailure",
        "request_id": "r-1",
    }


def test_an_expected_denial_that_is_allowed_is_tried_for_the_checks_own_budget_then_fails() -> None:
    def allowed(context: Context) -> Facts:
        return expect_denial(context, lambda: None, ("storage-firewall",), "a write from outside", if_allowed="close")

    clock = ManualClock()
    result = run_one(allowed, clock, retry_seconds=FIREWALL_SECONDS)
    assert (result.outcome, result.reason, result.hint) == ("FAIL", "a write from outside was allowed", "close")
    assert clock.time == pytest.approx(FIREWALL_SECONDS)


def test_an_answer_that_only_somebody_inside_gets_means_that_it_was_allowed() -> None:
    def inside(context: Context) -> Facts:
        kinds: tuple[DenialKind, ...] = ("storage-role",)
        return expect_denial(
            context,
            lambda: denied(ROLE, context),
            ("storage-firewall",),
            "a read",
            if_allowed="close",
            got_through=kinds,
        )

    result = run_one(inside, identity="anonymous", patience=0)
    assert (result.outcome, result.hint) == ("FAIL", "close")
    assert result.reason == "a read was allowed: it got as far as AuthorizationPermissionMismatch"


def test_a_denial_for_another_reason_proves_nothing() -> None:
    def wrong(context: Context) -> Facts:
        return expect_denial(
            context, lambda: denied(ROLE, context), ("storage-firewall",), "a write", if_allowed="close"
        )

    result = run_one(wrong, identity="anonymous", patience=0)
    assert result.outcome == "FAIL"
    assert "another reason" in result.reason
    assert result.facts["expected"] == ["storage-firewall"]


def test_a_firewall_refusal_inside_the_network_is_looked_at_with_dns() -> None:
    """127.0.0.1 stands for a public address: it is no private endpoint's."""

    def refused(context: Context) -> Facts:
        denied(FIREWALL, context)
        return {}

    result = run_one(refused, identity="anonymous", vantage="vnet", patience=0)
    assert result.facts["denial"] == "private-dns"


def test_an_unexpected_exception_is_a_failure_and_says_where() -> None:
    def broken(context: Context) -> Facts:
        return {"state": context.run.outputs["missing"]}

    result = run_one(broken)
    assert (result.outcome, result.red) == ("FAIL", True)
    assert result.reason == "unexpected KeyError: 'missing'"
    assert result.facts["raised_at"].startswith("test_engine.py:")


def test_an_sdk_error_without_an_answer_is_a_failure_too() -> None:
    def unreachable(context: Context) -> Facts:
        raise ServiceRequestError("Connection refused")

    result = run_one(unreachable, patience=0)
    assert (result.outcome, result.facts["denial"]) == ("FAIL", "unreachable")


def test_a_missing_vantage_identity_or_output_is_named() -> None:
    def acts(context: Context) -> Facts:
        return {"who": context.actor.identity}

    elsewhere = run_one(acts, vantage="adf-managed")
    assert (elsewhere.outcome, elsewhere.requirement) == ("SKIP", "vantage:adf-managed")
    assert "internet, vnet" in elsewhere.reason
    probes = {"probe_identities": {"reader": {"client_id": "c"}}}
    nobody = run_one(acts, identity="reader", outputs=probes)
    assert (nobody.outcome, nobody.requirement) == ("SKIP", "identity:reader")
    missing = run_one(acts, identity="writer", outputs=probes)
    assert (missing.outcome, missing.reason) == ("FAIL", "the outputs have no probe identity 'writer'")


def test_a_missing_output_is_a_failure_before_the_check_runs() -> None:
    result = run(connection(), {"a": 1}, [check(passes, outputs=("a", "b"))], clock=ManualClock()).results[0]
    assert (result.outcome, result.reason) == ("FAIL", "the platform has no output 'b', or an empty one")


@pytest.fixture(autouse=True)
def _no_oidc(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def skips(context: Context) -> Facts:
    raise CheckSkipped("vantage:vnet", "this runner cannot act from vnet")


def passes(context: Context) -> Facts:
    return {}


def run_with(allowed: tuple[str, ...], *checks: Check[Context]) -> RunResult:
    return run(connection(allowed_smoke_skips=allowed), {}, checks, clock=ManualClock())


def test_a_skip_is_red_unless_env_toml_allows_the_check_or_the_requirement() -> None:
    checks = (check(skips, id="storage-a"), check(passes, id="storage-b"))
    assert not run_with((), *checks).green
    assert "not allowed" in run_with((), *checks).summary
    assert run_with(("storage-a",), *checks).green
    assert run_with(("vantage:vnet",), *checks).green
    assert run_with(("vantage:*",), *checks).green
    assert not run_with(("identity:*",), *checks).green


def test_a_run_in_which_nothing_passed_is_not_green() -> None:
    result = run_with(("vantage:*",), check(skips))
    assert not result.green
    assert result.summary.endswith("nothing was proven")


def test_an_allowed_skip_that_names_no_check_is_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="storage-vnet-wirte") as caught:
        run_with(("storage-vnet-wirte",), check(passes))
    assert "did you mean storage-vnet-write?" in (caught.value.hint or "")


def test_a_failed_warning_is_shown_and_not_red() -> None:
    def fails(context: Context) -> Facts:
        raise CheckFailed("keeps 1 node running")

    result = run_with((), check(fails, id="storage-a", severity="warning"), check(passes, id="storage-b"))
    assert result.results[0].outcome == "FAIL"
    assert result.green
    assert result.verdict == "green"
    assert not result.holds()
    assert result.holds(allow_warnings=True)
    assert result.summary == "1 passed, 1 failed, 0 skipped (a warning, nothing fatal)"


def test_nobody_can_allow_what_is_fatal_and_a_skip_that_is_allowed_holds() -> None:
    def fails(context: Context) -> Facts:
        raise CheckFailed("is open")

    def cannot(context: Context) -> Facts:
        raise CheckSkipped("vantage:vnet", "not here")

    red = run_with((), check(fails, id="storage-a"), check(passes, id="storage-b"))
    assert not red.holds()
    assert not red.holds(allow_warnings=True)
    assert not run_with((), check(cannot, id="storage-a"), check(passes, id="storage-b")).holds(allow_warnings=True)
    assert run_with(("storage-*",), check(cannot, id="storage-a"), check(passes, id="storage-b")).holds()


@pytest.mark.parametrize("cause", ["unreachable", "unavailable", "throttled"])
def test_what_passes_by_itself_is_tried_again_however_little_patience_there_is(cause: Cause) -> None:
    """A slow attempt has used up all of it: the sandbox's share of Azure's time is a second."""
    clock = ManualClock()

    def breaks(context: Context, times: int, tried: list[int]) -> Facts:
        tried.append(1)
        clock.wait(threading.Event(), 30)
        if len(tried) <= times:
            raise CheckFailed("the connection broke", cause=cause, retry_seconds=60)
        return {}

    def ended(times: int, patience: float) -> tuple[str, int]:
        tried: list[int] = []
        checks = (check(lambda context: breaks(context, times, tried)),)
        return run(connection(), {}, checks, clock=clock, patience=patience).results[0].outcome, len(tried)

    assert ended(2, patience=0.02) == ("PASS", 3)
    assert ended(3, patience=0.02) == ("FAIL", 3)
    assert ended(1, patience=0) == ("FAIL", 1)


def test_finalizers_run_in_reverse_order_after_every_attempt() -> None:
    calls: list[str] = []

    def leaves(context: Context) -> Facts:
        context.defer(lambda: calls.append("first"))
        context.defer(lambda: calls.append("second"))
        if len(calls) < 2:
            raise CheckFailed("again", retry_seconds=60)
        raise KeyError("bug")

    assert run_one(leaves).attempts == 2
    assert calls == ["second", "first"] * 2


def test_what_cannot_be_cleaned_up_is_a_failure_and_the_rest_is_cleaned_up() -> None:
    calls: list[str] = []

    def leaves(context: Context) -> Facts:
        context.defer(lambda: calls.append("cleaned"))

        def fails() -> None:
            raise HttpResponseError("no")

        context.defer(fails)
        return {}

    result = run_one(leaves)
    assert (result.outcome, result.facts["left_behind"]) == ("FAIL", ["HttpResponseError: no"])
    assert calls == ["cleaned"]


def test_checks_run_in_parallel_and_are_reported_in_order() -> None:
    together = threading.Barrier(3, timeout=20)

    def meets(context: Context) -> Facts:
        together.wait()  # breaks, and fails the check, when the three do not run at once
        return {}

    checks = [check(meets, id=f"storage-{name}") for name in ("c", "a", "b")]
    result = run(connection(), {}, checks)
    assert [(r.check.id, r.outcome) for r in result.results] == [
        ("storage-c", "PASS"),
        ("storage-a", "PASS"),
        ("storage-b", "PASS"),
    ]


def test_an_interrupt_ends_waits_cleans_up_and_starts_nothing_more(request: pytest.FixtureRequest) -> None:
    cleaned: list[str] = []
    started: list[str] = []
    everybody = threading.Barrier(8, timeout=20)

    def waits(context: Context) -> Facts:
        started.append(context.check.id)
        context.defer(lambda: cleaned.append(context.check.id))
        if everybody.wait() == 0:
            _thread.interrupt_main()
        raise CheckFailed("not yet", retry_seconds=600)

    checks = [check(waits, id=f"storage-{number:02}") for number in range(20)]
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores SIGINT
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, former))
    with pytest.raises(KeyboardInterrupt):
        run(connection(), {}, checks, patience=1)
    assert sorted(cleaned) == sorted(started)
    assert len(started) == 8


def test_an_interrupt_while_checks_are_still_handed_over_ends_those_that_wait() -> None:
    waiting = threading.Event()

    def waits(context: Context) -> Facts:
        raise CheckFailed("not yet", retry_seconds=600)

    class Watching(Recorder):
        def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None:
            waiting.set()

    class Interrupting(SystemClock):
        """Ctrl-C between two of the checks, once the first one waits."""

        asked = 0

        def now(self) -> float:
            if threading.current_thread() is threading.main_thread():
                self.asked += 1
                if self.asked == 2:
                    assert waiting.wait(20)
                    raise KeyboardInterrupt
            return super().now()

    checks = [check(waits, id="storage-a"), check(passes, id="storage-b")]
    with pytest.raises(RunInterrupted) as caught:
        run(connection(), {}, checks, patience=1, observer=Watching(), clock=Interrupting())
    result = caught.value.result
    assert [(one.check.id, one.outcome, one.cause) for one in result.results] == [
        ("storage-a", "SKIP", "interrupted"),
        ("storage-b", "SKIP", "interrupted"),
    ]
    assert (result.verdict, result.green) == ("interrupted", False)


def test_what_an_interrupted_run_had_found_is_kept() -> None:
    def interrupts(context: Context) -> Facts:
        _thread.interrupt_main()
        context.run.stop.wait(20)
        return {"seen": True}

    checks = [check(passes, id="storage-a"), check(interrupts, id="storage-b", depends=("storage-a",))]
    checks.append(check(passes, id="storage-c", depends=("storage-b",)))
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(RunInterrupted) as caught:
            run(connection(), {}, checks)
    finally:
        signal.signal(signal.SIGINT, former)
    ended = [(one.check.id, one.outcome, one.reason) for one in caught.value.result.results]
    assert ended == [
        ("storage-a", "PASS", "All is well"),
        ("storage-b", "PASS", "All is well"),
        ("storage-c", "SKIP", "interrupted before it ran"),
    ]


def test_a_failed_prerequisite_is_one_red_line_however_many_depend_on_it() -> None:
    ran: list[str] = []

    def fails(context: Context) -> Facts:
        raise CheckFailed("the record is lost", cause="private-dns")

    def counts(context: Context) -> Facts:
        ran.append(context.check.id)
        return {}

    checks = [
        check(counts, id="storage-c", depends=("storage-b",)),  # of what is skipped itself
        check(counts, id="storage-b", depends=("storage-free", "storage-a")),
        check(fails, id="storage-a"),
        check(counts, id="storage-free"),
    ]
    result = run_with((), *checks)
    assert [(one.check.id, one.outcome, one.cause, one.requirement) for one in result.results] == [
        ("storage-c", "SKIP", "prerequisite", "check:storage-a"),
        ("storage-b", "SKIP", "prerequisite", "check:storage-a"),
        ("storage-a", "FAIL", "private-dns", None),
        ("storage-free", "PASS", None, None),
    ]
    assert [one.check.id for one in result.results if one.red] == ["storage-a"]
    assert result.results[0].reason == "it depends on storage-a, which failed"
    assert (ran, result.green) == (["storage-free"], False)


def test_a_check_waits_for_its_prerequisites_and_runs_when_one_of_them_proves_nothing() -> None:
    order: list[str] = []

    def notes(context: Context) -> Facts:
        order.append(context.check.id)
        return {}

    checks = [
        check(notes, id="storage-last", depends=("storage-first", "storage-skipped", "storage-not-chosen")),
        check(skips, id="storage-skipped"),
        check(notes, id="storage-first"),
    ]
    assert [one.outcome for one in run_with(("vantage:*",), *checks).results] == ["PASS", "SKIP", "PASS"]
    assert order == ["storage-first", "storage-last"]


def test_checks_that_wait_for_each_other_are_no_run() -> None:
    checks = [
        check(passes, id="storage-a", depends=("storage-b",)),
        check(passes, id="storage-b", depends=("storage-a",)),
    ]
    with pytest.raises(ValueError, match="checks wait for each other: storage-a, storage-b"):
        run_with((), *checks)


def test_a_check_that_hangs_fails_at_its_deadline_and_keeps_nobody() -> None:
    released, cleaned = threading.Event(), threading.Event()
    clock, recorder = ManualClock(), Recorder()

    def hangs(context: Context) -> Facts:
        context.defer(cleaned.set)
        clock.time += 11
        released.wait(60)
        raise CheckFailed("nobody asks any more", retry_seconds=600)

    checks = [check(hangs, id="storage-a", deadline=10), check(passes, id="storage-b")]
    result = run(connection(), {}, checks, clock=clock, observer=recorder)
    hung, other = result.results
    assert (hung.outcome, hung.cause, other.outcome) == ("FAIL", "deadline", "PASS")
    assert "did not end in 10 seconds" in hung.reason
    released.set()
    assert cleaned.wait(20)  # its own thread cleans up, and says nothing more
    assert (recorder.events.count("finished storage-a FAIL"), clock.waits) == (1, [])


def test_more_checks_hang_than_there_are_workers() -> None:
    """A thread that is given up gives its place back."""
    released, clock = threading.Event(), ManualClock()

    def hangs(context: Context) -> Facts:
        clock.time += 11
        released.wait(60)
        return {}

    checks = [check(hangs, id=f"storage-{number}", deadline=10) for number in range(WORKERS + 1)]
    result = run(connection(), {}, [*checks, check(passes)], clock=clock)
    assert [one.cause for one in result.results] == [*["deadline"] * (WORKERS + 1), None]
    released.set()


def test_what_is_gone_altogether_is_one_error_and_nothing_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def gone(state: object) -> ToolkitError:
        asked.append("")
        return ToolkitError("the sandbox stopped answering while the checks ran", hint="start it")

    def unreachable(context: Context) -> Facts:
        raise ServiceRequestError("Connection refused")

    monkeypatch.setattr("toolkit.smoke.run.lost", gone)
    clock = ManualClock()
    checks = [check(passes, id="storage-a"), check(unreachable, id="storage-b", depends=("storage-a",))]
    checks += [check(unreachable, id=f"storage-{number:02}", depends=("storage-b",)) for number in range(20)]
    with pytest.raises(RunLost, match="stopped answering while the checks ran: 1 checks had passed") as caught:
        run(connection(), {}, checks, patience=1, clock=clock)
    result = caught.value.result
    assert [one.outcome for one in result.results] == ["PASS", *["SKIP"] * 21]
    assert (result.verdict, caught.value.hint, len(asked), clock.waits) == ("interrupted", "start it", 1, [])


def test_a_failure_of_its_own_is_not_the_end_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("toolkit.smoke.run.lost", lambda state: asked.append(""))

    def unreachable(context: Context) -> Facts:
        raise ServiceRequestError("Connection refused")

    def differs(context: Context) -> Facts:
        raise CheckFailed("allowSharedKeyAccess is True")

    checks = [check(unreachable, id="storage-a"), check(differs, id="storage-b"), check(passes, id="storage-c")]
    result = run(connection(), {}, checks, patience=0)
    assert [one.outcome for one in result.results] == ["FAIL", "FAIL", "PASS"]
    assert len(asked) == 1  # of the one that may be more than the check's own


@pytest.mark.parametrize("kind", get_args(DenialKind))
def test_every_kind_of_refusal_has_a_cause(kind: DenialKind) -> None:
    assert cause_of(kind) in CAUSES


def test_a_runner_without_its_credential_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    recorder = Recorder()
    with pytest.raises(UsageError, match="ARM_CLIENT_ID or AZURE_CLIENT_ID is not set"):
        run(connection(credential="client-secret"), {}, [check(passes)], observer=recorder)
    assert recorder.events == []


def test_a_missing_container_is_named_and_restored_before_anything_is_made() -> None:
    def looks(context: Context) -> Facts:
        denied(storage_error(404, "ContainerNotFound", "The specified container does not exist."), context)
        return {}

    result = run_one(looks, identity="anonymous", patience=0)
    assert result.outcome == "FAIL"
    assert re.search(
        r"^the container \w+ of 127\.0\.0\.1 does not exist \(HTTP 404 ContainerNotFound\)$", result.reason
    )
    assert "restore it first" in (result.hint or "")
