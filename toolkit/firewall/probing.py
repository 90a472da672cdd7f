"""Whether a resource's data plane answers from here, over a connection of its own for each question."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from toolkit.azure.denial import NETWORK_KINDS, Denial, classify
from toolkit.azure.pipeline import RestClient
from toolkit.errors import ToolkitError
from toolkit.firewall.kinds import Target
from toolkit.waiting import BackOff, Waits

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from toolkit.environment import Vantage

# Twice over each address: an agent that goes out through several of them is let in, or not, by chance.
_IN_A_ROW = 2
_FLAPPING = 3  # denials in a row, once it was seen to answer after its rules were gone: front ends learn one by one
_BACK_OFF = BackOff(1.0, 8.0)  # never more than one request a second
_LOOK_AGAIN = 4  # refusals, after which the place's addresses and the rules are looked at again
_SECONDS = 300.0  # codes.FIREWALL_SECONDS is for one refusal; a lease waits for all of its targets


class Probe:
    """Questions of one principal at one place."""

    def __init__(
        self, vantage: Vantage, credential: TokenCredential, patience: float = 1.0, back_off: BackOff = _BACK_OFF
    ) -> None:
        self._vantage = vantage
        self._credential = credential
        self._seconds = _SECONDS * patience
        self._back_off = back_off
        self._asked: dict[str, float] = {}  # host -> when it was last

    def refusal(self, target: Target) -> Denial | None:
        """Why the network refuses; None when the service itself answered, whatever it said."""
        from azure.core.exceptions import AzureError

        target = target.asked
        kind = target.kind
        credential = self._credential if kind.scope else None
        try:
            with RestClient(f"https://{target.host}", self._vantage, credential, kind.scope or None) as client:
                client.send(target.probe, headers=kind.headers).raise_for_status()
        except AzureError as error:
            denial = classify(error)
            answered = denial.status is not None and denial.kind not in (*NETWORK_KINDS, "unavailable", "proxy-refused")
            return None if answered else denial
        return None

    def until_open(
        self,
        target: Target,
        widen: Callable[[], bool],
        say: Callable[[str], None],
        addresses: Callable[[], int] = lambda: 1,
    ) -> None:
        """Wait until it answers several times in a row, for each of the place's ``addresses``.

        ``widen`` is called when it refuses after it had answered, and now and then while it never did: some of this
        place's addresses are not in the rules; it says whether it found more. Raises ToolkitError when the deadline is
        over.
        """
        waits = Waits(self._back_off)
        answered, refused, ever = 0, 0, False
        while answered < _IN_A_ROW * addresses():
            denial = self._in_turn(target)
            if denial is None:
                answered, ever = answered + 1, True
                continue
            refused += 1
            if (ever or refused % _LOOK_AGAIN == 0) and widen():
                waits = Waits(self._back_off)
            answered, ever = 0, False
            pause = waits.next(self._seconds)
            if pause is None:
                raise ToolkitError(
                    f"{target} still refuses {self._vantage.name}: {denial.cause} "
                    f"({denial.status or ''} {denial.code or denial.kind})".replace("( ", "("),
                    hint=denial.hint,
                )
            say(f"waiting until {target} answers: {denial.cause}")
            time.sleep(pause)

    def until_closed(self, target: Target, say: Callable[[str], None], addresses: int = 1) -> bool:
        """Wait until the network refuses; False when it does not within the time that rules take to arrive.

        It is enough that it refuses at once a place with one address. Else every address must be refused, and not by
        chance.
        """
        waits = Waits(self._back_off)
        denied, wanted = 0, 1 if addresses == 1 else _IN_A_ROW * addresses
        while True:
            denial = self._in_turn(target)
            if denial is not None and denial.kind in NETWORK_KINDS:
                denied += 1
                if denied >= wanted:
                    return True
                continue
            pause = waits.next(self._seconds)
            if pause is None:
                return False
            denied, wanted = 0, max(wanted, _FLAPPING)
            say(f"waiting until {target} denies again")
            time.sleep(pause)

    def _in_turn(self, target: Target) -> Denial | None:
        """The next question, no sooner after the last one than the shortest pause: between opening and closing, too."""
        since = time.monotonic() - self._asked.get(target.host, -self._back_off.first)
        time.sleep(max(0.0, self._back_off.first - since))
        self._asked[target.host] = time.monotonic()
        return self.refusal(target)
