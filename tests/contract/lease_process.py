"""Operations on leases in processes of their own, each of which is killed -9 at one of its changes.

``python -m tests.contract.lease_process PROJECT`` imports and connects once, then forks a process for each line of its
input: starting Python for each would take longer than all that is tested.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential

from tests.contract.leases import HERE, Place, a_lessee, me
from toolkit.azure.arm import ARM, arm_client
from toolkit.azure.credentials import runner_credential
from toolkit.environment import Connection, connect, load_environment
from toolkit.firewall import leases as module
from toolkit.firewall.kinds import target_of
from toolkit.processes import identify
from toolkit.project import Project
from toolkit.records import write_record

LATER = "203.0.113.11"  # the address that opening finds besides, when it widens


@dataclass(frozen=True)
class Order:
    """Open a lease on ``targets``, widen it, and close it; killed at the change ``at`` (from 1 on), 0 for never.

    Changes are requests that change something, and copies that are written; ``after`` the change or before it.
    ``detached`` leases outlive their process.
    """

    targets: tuple[str, ...]
    folder: str
    addresses: tuple[str, ...] = (HERE,)
    detached: bool = False
    at: int = 0
    after: bool = False


@dataclass(frozen=True)
class Ended:
    """``changes`` is how many were made: of one that was killed, up to then."""

    killed: bool
    changes: int


class Processes:
    """The forking process, from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, order: Order) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(order)), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def processes(place: Place) -> Iterator[Processes]:
    project = str(place.sandbox.connection.environment.project.root)
    command = [sys.executable, "-m", "tests.contract.lease_process", project]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Processes(process)
        assert process.stdin is not None
        process.stdin.close()


class Had:
    """A credential with the token that the forking process has: a connection to Entra must not be shared by forks."""

    def __init__(self, token: AccessToken) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return self._token


class Counted:
    """Counts changes, and ends its process for good at one of them."""

    def __init__(self, at: int, after: bool, count: int) -> None:
        self._at, self._after, self._counter, self._made = at, after, count, 0

    def __call__(self, change: Any, *arguments: Any) -> Any:
        self._kill(before=True)
        answer = change(*arguments)
        self._made += 1
        os.pwrite(self._counter, str(self._made).encode(), 0)
        self._kill(before=False)
        return answer

    def _kill(self, *, before: bool) -> None:
        if before != self._after and self._made == self._at - (1 if before else 0):
            os.kill(os.getpid(), signal.SIGKILL)


class CountedClient:
    def __init__(self, inner: Any, counted: Counted) -> None:
        self._inner, self._counted = inner, counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send_request(self, request: Any) -> Any:
        if request.method == "GET":
            return self._inner.send_request(request)
        return self._counted(self._inner.send_request, request)


class Widening:
    """Stands for the data plane, which has tests of its own: it refuses once after it answered."""

    def until_open(self, target: Any, widen: Any, say: Any, addresses: Any) -> None:
        widen()

    def until_closed(self, target: Any, say: Any, addresses: int) -> bool:
        return True


def carry_out(order: Order, connection: Connection, credential: TokenCredential, count: int) -> None:
    counted = Counted(order.at, order.after, count)
    module.__dict__["write_record"] = partial(counted, write_record)
    found = iter([frozenset(order.addresses)])
    with arm_client(connection, credential) as inner:
        client: Any = CountedClient(inner, counted)
        probe: Any = Widening()
        lessee = a_lessee(client, [target_of(id_) for id_ in order.targets], probe, Path(order.folder))
        process = None if order.detached else identify(os.getpid())
        more = frozenset({*order.addresses, LATER})
        lease = lessee.open(me(process) if process else me(), lambda: next(found, more), timedelta(minutes=30))
        lessee.close(lease)


def main() -> None:
    connection = connect(load_environment("local", Project(Path(sys.argv[1]))))
    credential = Had(runner_credential(connection).get_token(f"{ARM}/.default"))
    for line in sys.stdin:
        with tempfile.TemporaryFile() as counter:
            ended = fork(Order(**json.loads(line)), connection, credential, counter.fileno())
        print(json.dumps(asdict(ended)), flush=True)


def fork(order: Order, connection: Connection, credential: TokenCredential, counter: int) -> Ended:
    if (child := os.fork()) == 0:
        sys.stdout = sys.stderr
        carry_out(order, connection, credential, counter)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and status != 0:
        raise SystemExit(f"the process ended with {status}")
    return Ended(killed, int(os.pread(counter, 10, 0) or b"0"))


if __name__ == "__main__":
    main()
