"""Measures the promises about speed on this machine and writes benchmarks/RESULTS.md. Run it with ``make bench``.

Every figure is a ratio or a total of one run on one machine; nothing here asserts. Runs are interleaved, so that a busy
machine slows both sides of a ratio.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import resource
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import adf_lint, critical_path, firewall, guard, live_view, machine_learning, many, pipelines  # noqa: E402
from tests.conftest import copy_project  # noqa: E402
from toolkit.environment import connect, load_environment  # noqa: E402
from toolkit.project import Project  # noqa: E402
from toolkit.terraform.workspace import WorkFolder  # noqa: E402
from toolkit.toolchain.node import azurite_command  # noqa: E402
from toolkit.toolchain.provider import resolve_provider  # noqa: E402
from toolkit.toolchain.terraform import ensure_terraform  # noqa: E402

ENVIRONMENT = "local"
ROUNDS = 3
REALISTIC_SCALE = 0.1
Rows = list[tuple[str, str, str]]  # what, promise, measured


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def toolkit(project: Path, *arguments: str, expected: int = 0) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments],
        env={**os.environ, "TOOLKIT_PROJECT": str(project)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != expected:
        raise SystemExit(f"toolkit {' '.join(arguments)} exited {done.returncode}\n{done.stdout}\n{done.stderr}")


def measure_help() -> float:
    """CPU seconds of ``toolkit --help``, user and system, the median of 5."""
    figures = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "toolkit", "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(figures)


def measure_start(project: Path) -> tuple[float, float]:
    """(the sandbox from nothing, Azurite alone from nothing), seconds, medians."""
    command = azurite_command()
    ours, azurites = [], []
    for _ in range(ROUNDS):
        toolkit(project, "sandbox", "reset", "--yes")
        ours.append(seconds(lambda: toolkit(project, "sandbox", "start")))
        azurites.append(seconds(lambda: _azurite_alone(command)))
    return statistics.median(ours), statistics.median(azurites)


def _azurite_alone(command: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [*command, "--location", folder, "--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        for line in process.stdout:
            if "successfully" in line or "listening" in line.lower():
                break
        process.kill()
        process.wait()


def measure_apply(project: Path) -> tuple[list[float], list[float], int]:
    """([toolkit apply], [terraform init + apply]) of one configuration from nothing, and the number of resources."""
    environment = load_environment(ENVIRONMENT, Project(project))
    toolkit(project, "apply", ENVIRONMENT, "--no-smoke")  # bootstraps, and makes the work folder
    toolkit(project, "destroy", ENVIRONMENT)
    folder = WorkFolder(environment, "platform")
    ours, bare, count = [], [], 0
    for _ in range(ROUNDS):
        shutil.rmtree(folder.path / ".terraform", ignore_errors=True)
        ours.append(seconds(lambda: toolkit(project, "apply", ENVIRONMENT, "--no-smoke")))
        count = _resources(folder)
        toolkit(project, "destroy", ENVIRONMENT)
        shutil.rmtree(folder.path / ".terraform", ignore_errors=True)
        bare.append(seconds(lambda: _bare_apply(folder)))
        toolkit(project, "destroy", ENVIRONMENT)
    return ours, bare, count


def _bare(folder: WorkFolder, *arguments: str) -> str:
    """One ``terraform`` command as a person would type it in the work folder."""
    environment = folder.environment
    terraform = ensure_terraform()
    provider = resolve_provider(target_is_sandbox=True, mirror=environment.provider_mirror, terraform=terraform)
    settings = connect(environment).process_environment()
    if provider.cli_config_file is not None:
        settings["TF_CLI_CONFIG_FILE"] = str(provider.cli_config_file)
    done = subprocess.run(
        [str(terraform.path), *arguments],
        cwd=folder.path,
        env={**settings, "CHECKPOINT_DISABLE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"terraform {' '.join(arguments)} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _bare_apply(folder: WorkFolder) -> None:
    _bare(folder, "init", "-input=false", f"-backend-config={folder.backend_file}")
    _bare(folder, "apply", "-input=false", "-auto-approve")


def _resources(folder: WorkFolder) -> int:
    return len([line for line in _bare(folder, "state", "list").splitlines() if "data." not in line])


def measure_memory(project: Path) -> float:
    """Resident MiB of the sandbox's own process (Azurite excluded), with the platform in it."""
    status = json.loads(
        subprocess.run(
            [sys.executable, "-m", "toolkit", "sandbox", "status", "--json"],
            env={**os.environ, "TOOLKIT_PROJECT": str(project)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    text = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(status["pid"])], check=True, capture_output=True, text=True
    ).stdout
    return int(text) / 1024


def measure_get(project: Path, clients: int = 4, each: int = 300) -> float:
    """Median milliseconds of a plain GET of a resource group through the proxy, with ``clients`` processes at once."""
    from azure.identity import ClientSecretCredential

    connection = connect(load_environment(ENVIRONMENT, Project(project)))
    settings, place = connection.credential_settings, connection.runner
    token = ClientSecretCredential(
        settings["AZURE_TENANT_ID"],
        settings["AZURE_CLIENT_ID"],
        settings["AZURE_CLIENT_SECRET"],
        **place.client_options,
    ).get_token("https://management.azure.com/.default")
    subscription = connection.environment.subscription_id
    arguments = (place.settings["HTTPS_PROXY"], place.settings["SSL_CERT_FILE"], token.token, subscription, each)
    with ProcessPoolExecutor(clients) as pool:
        figures = [
            figure for done in [pool.submit(_get, *arguments) for _ in range(clients)] for figure in done.result()
        ]
    return statistics.median(figures)


def _get(proxy: str, authority: str, token: str, subscription: str, each: int) -> list[float]:
    address = urlsplit(proxy)
    assert address.hostname
    context = ssl.create_default_context(cafile=authority)
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=context)
    connection.set_tunnel("management.azure.com", 443)

    def get(path: str) -> Any:
        connection.request("GET", f"{path}?api-version=2024-03-01", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return json.loads(body)

    group = get(f"/subscriptions/{subscription}/resourceGroups")["value"][0]["id"]
    return [seconds(lambda: get(group)) * 1000 for _ in range(each)]


def measure_proof(project: Path) -> float:
    """``toolkit smoke --category runtime``: a training and a scoring job, proven."""
    return seconds(lambda: toolkit(project, "smoke", ENVIRONMENT, "--category", "runtime"))


def measure_smoke(project: Path) -> tuple[float, float]:
    """(seconds, MiB at most) of the whole suite without what starts jobs, as a command of its own."""
    taken, memory = [], 0.0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit", "smoke", ENVIRONMENT],
            env={**os.environ, "TOOLKIT_PROJECT": str(project)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        taken.append(time.perf_counter() - started)
        if code := os.waitstatus_to_exitcode(status):
            raise SystemExit(f"toolkit smoke exited {code}")
        memory = max(memory, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2))
    return statistics.median(taken), memory


def measure_requests(project: Path) -> tuple[int, int, int]:
    """(requests of a run to Azure Resource Manager, different ones of them, requests for tokens), by the access log."""
    log = project / ".toolkit" / "sandbox" / "logs" / "requests.jsonl"
    before = log.stat().st_size
    toolkit(project, "smoke", ENVIRONMENT)
    with log.open(encoding="utf-8") as lines:
        lines.seek(before)
        sent = [json.loads(line) for line in lines]
    arm = [
        (one["method"], one["url"].casefold()) for one in sent if one["url"].startswith("https://management.azure.com/")
    ]
    tokens = [one for one in sent if "/oauth2/" in one["url"] and one["method"] == "POST"]
    return len(arm), len(set(arm)), len(tokens)


def measure_platform() -> Rows:
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project(Path(temporary) / "project")
        try:
            started, azurite = measure_start(project)
            ours, bare, count = measure_apply(project)
            toolkit(project, "sandbox", "reset", "--yes")
            whole = seconds(lambda: toolkit(project, "apply", ENVIRONMENT))
            memory = measure_memory(project)
            requests, different, tokens = measure_requests(project)
            get = measure_get(project)
            suite, suite_memory = measure_smoke(project)
            doctor = statistics.median(seconds(lambda: toolkit(project, "doctor", ENVIRONMENT)) for _ in range(ROUNDS))
            proof = statistics.median(measure_proof(project) for _ in range(ROUNDS))
            toolkit(project, "destroy", ENVIRONMENT)
            folder = WorkFolder(load_environment(ENVIRONMENT, Project(project)), "platform")
            path = critical_path.measure(
                project, toolkit, lambda plan: _bare(folder, "graph", f"-plan={plan}"), REALISTIC_SCALE
            )
        finally:
            toolkit(project, "sandbox", "stop")
    our_apply, bare_apply = statistics.median(ours), statistics.median(bare)
    return [
        ("`toolkit apply` over bare `terraform init` + `apply`", "≤ 1.10 × + 0.5 s",
         f"{our_apply:.1f} s over {bare_apply:.1f} s = {our_apply / bare_apply:.2f} ×, {count} resources"),
        ("sandbox ready from nothing, over Azurite's own start", "≤ + 1 s",
         f"{started:.2f} s over {azurite:.2f} s = + {started - azurite:.2f} s"),
        ("sandbox's memory with the platform in it, without Azurite", "≤ 200 MiB", f"{memory:.0f} MiB"),
        (f"whole `make env={ENVIRONMENT} apply`, toolchain cached, smoke included", "≤ 30 s", f"{whole:.1f} s"),
        (f"apply's wall over the critical path, operations at {REALISTIC_SCALE:g} of Azure's time", "≤ 1.15 ×",
         f"{path.wall_seconds:.0f} s over {path.path_seconds:.0f} s = {path.ratio:.2f} ×"),
        ("`toolkit smoke`: every check but those that start jobs", "≤ 4 s", f"{suite:.1f} s"),
        ("`toolkit doctor`: every check", "≤ 5 s", f"{doctor:.1f} s"),
        ("`toolkit smoke`: memory", "≤ 250 MiB", f"{suite_memory:.0f} MiB"),
        ("`toolkit smoke`: requests to Azure Resource Manager, over the different ones", "≤ 1.5 ×",
         f"{requests} over {different} = {requests / different:.2f} ×; {tokens} requests for tokens"),
        ("`toolkit smoke --category runtime`: two jobs, run and read back", "≤ 20 s", f"{proof:.1f} s"),
        ("GET of the ARM engine, median, 4 clients at once", "≤ 3 ms", f"{get:.1f} ms"),
    ]  # fmt: skip


def measure_live_view() -> Rows:
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project(Path(temporary) / "project")
        try:
            toolkit(project, "apply", ENVIRONMENT, "--no-smoke")
            toolkit(project, "destroy", ENVIRONMENT)
            took = 0.0

            def apply() -> None:
                nonlocal took
                took = seconds(lambda: toolkit(project, "apply", ENVIRONMENT, "--no-smoke"))

            view, whole = live_view.measure(apply, lambda: took, f"{temporary}/answer")
        finally:
            toolkit(project, "sandbox", "stop")
    return [
        ("live view of an apply: processor time, over the apply's", "≤ 2 %",
         f"{view:.2f} s over {whole:.1f} s = {100 * view / whole:.1f} %, an apply of {took:.0f} s"),
    ]  # fmt: skip


def measure_commands() -> Rows:
    return [
        ("`toolkit --help`, CPU", "≤ 0.15 s", f"{measure_help():.2f} s"),
        (f"`toolkit adf lint` of {adf_lint.PIPELINES} pipelines, {adf_lint.ACTIVITIES} activities each", "≤ 2 s",
         f"{adf_lint.measure(toolkit):.1f} s"),
        (f"the guard on a plan of {guard.RESOURCES} resources, its policies read", "≤ 0.5 s",
         f"{guard.measure(Project(ROOT)):.2f} s"),
    ]  # fmt: skip


def measure_pipelines() -> Rows:
    return [
        ("simple evaluations of Data Factory's expressions", "≥ 20,000 a second",
         f"{pipelines.evaluations_a_second(ROUNDS):,.0f} a second"),
        ("a pipeline of 100 activities that do nothing, one after the other", "≤ 3 s",
         f"{pipelines.sequential_activities(ROUNDS):.2f} s"),
    ]  # fmt: skip


def measure_machine_learning() -> Rows:
    found = machine_learning.measure(toolkit, ROUNDS)
    size = f"{machine_learning.FILES:,} files, {machine_learning.MEGABYTES} MB"
    return [
        (f"`toolkit assets register` of {size}, over azure-ai-ml alone", "≤ 1.15 ×",
         f"{found.register:.1f} s over {found.sdk:.1f} s = {found.register / found.sdk:.2f} ×"),
        ("a job from its submission to Completed, over its program, `python -c pass`", "≤ + 1 s",
         f"{found.job:.2f} s over {found.python:.2f} s = + {found.job - found.python:.2f} s"),
    ]  # fmt: skip


def measure_firewall() -> Rows:
    return [
        ("a lease on an account: opened, proven, closed, proven, without the time that rules take", "≤ 2 s",
         f"{firewall.overhead(ROUNDS):.1f} s"),
    ]  # fmt: skip


def measure_many() -> Rows:
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project(Path(temporary) / "project")
        try:
            return many.measure(project, toolkit, _bare, seconds)
        finally:
            toolkit(project, "sandbox", "stop")


GROUPS: dict[str, Callable[[], Rows]] = {
    "platform": measure_platform,
    "commands": measure_commands,
    "live-view": measure_live_view,
    "pipelines": measure_pipelines,
    "machine-learning": measure_machine_learning,
    "firewall": measure_firewall,
    "many": measure_many,
}


def standing(path: Path) -> dict[str, str]:
    """what -> its line, of the table that is there."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}


def main() -> None:
    """The groups named on the command line, or all; the rows of others stay, with their day."""
    chosen = sys.argv[1:] or list(GROUPS)
    if unknown := [name for name in chosen if name not in GROUPS]:
        raise SystemExit(f"no group {', '.join(unknown)}: one of {', '.join(GROUPS)}")
    results = ROOT / "benchmarks" / "RESULTS.md"
    today, kept = time.strftime("%Y-%m-%d"), standing(results)
    kept.pop("what", None)
    for name in chosen:
        for what, promise, measured in GROUPS[name]():
            kept[what] = f"| {what} | {promise} | {measured} | {today} |"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Measured speed",
        "",
        f"Written by `make bench` (all) and `make bench ARGS=GROUP` ({', '.join(GROUPS)}).",
        f"{machine}. Medians of {ROUNDS} interleaved runs.",
        "",
        "| what | promise | measured | on |",
        "|---|---|---|---|",
        *kept.values(),
        "",
    ]
    results.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
