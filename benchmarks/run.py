"""Measures the promises about speed on this machine and writes benchmarks/RESULTS.md. Run it with ``make bench``.

Every figure is a ratio or a total of one run on one machine; nothing here asserts. Runs are interleaved, so that a busy
machine slows both sides of a ratio.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.conftest import copy_project  # noqa: E402
from toolkit.environment import Connection, load_environment  # noqa: E402
from toolkit.project import Project  # noqa: E402

ENVIRONMENT = "local"
ROUNDS = 3


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def toolkit(project: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments],
        env={**os.environ, "TOOLKIT_PROJECT": str(project)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
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
    from toolkit.toolchain.node import azurite_command

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
    connection = environment.connect()
    work = environment.work_dir / "platform"
    ours, bare, count = [], [], 0
    for _ in range(ROUNDS):
        shutil.rmtree(work / ".terraform", ignore_errors=True)
        ours.append(seconds(lambda: toolkit(project, "apply", ENVIRONMENT, "--no-smoke")))
        count = _resources(connection, work)
        toolkit(project, "destroy", ENVIRONMENT)
        shutil.rmtree(work / ".terraform", ignore_errors=True)
        bare.append(seconds(lambda: _bare_apply(connection, work)))
        toolkit(project, "destroy", ENVIRONMENT)
    return ours, bare, count


def _bare(connection: Connection, work: Path, *arguments: str) -> str:
    from toolkit.terraform.runner import terraform_environment, terraform_executable

    done = subprocess.run(
        [str(terraform_executable()), *arguments],
        cwd=work,
        env=terraform_environment(connection),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"terraform {' '.join(arguments)} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _bare_apply(connection: Connection, work: Path) -> None:
    backend = connection.environment.folder / "backend.hcl"
    _bare(connection, work, "init", "-input=false", f"-backend-config={backend}")
    _bare(connection, work, "apply", "-input=false", "-auto-approve")


def _resources(connection: Connection, work: Path) -> int:
    return len([line for line in _bare(connection, work, "state", "list").splitlines() if "data." not in line])


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
    """Median milliseconds of a plain GET of a resource group through the proxy, with ``clients`` at once."""
    import httpx
    from azure.identity import ClientSecretCredential

    connection = load_environment(ENVIRONMENT, Project(project)).connect()
    settings, place = connection.credential_settings, connection.runner
    token = ClientSecretCredential(
        settings["AZURE_TENANT_ID"],
        settings["AZURE_CLIENT_ID"],
        settings["AZURE_CLIENT_SECRET"],
        **place.client_options,
    ).get_token("https://management.azure.com/.default")
    url = (
        f"https://management.azure.com/subscriptions/{connection.environment.subscription_id}"
        "/resourceGroups?api-version=2024-03-01"
    )
    import ssl

    context = ssl.create_default_context(cafile=place.settings["SSL_CERT_FILE"])
    figures: list[float] = []

    def client() -> None:
        with httpx.Client(
            proxy=place.settings["HTTPS_PROXY"], verify=context, headers={"Authorization": f"Bearer {token.token}"}
        ) as http:
            group = http.get(url).json()["value"][0]["id"]
            one = f"https://management.azure.com{group}?api-version=2024-03-01"
            for _ in range(each):
                started = time.perf_counter()
                http.get(one).raise_for_status()
                figures.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.median(figures)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder) / "project")
        try:
            started, azurite = measure_start(project)
            ours, bare, count = measure_apply(project)
            toolkit(project, "sandbox", "reset", "--yes")
            whole = seconds(lambda: toolkit(project, "apply", ENVIRONMENT))
            memory = measure_memory(project)
            get = measure_get(project)
        finally:
            toolkit(project, "sandbox", "stop")
    help_cpu = measure_help()
    our_apply, bare_apply = statistics.median(ours), statistics.median(bare)
    rows = [
        ("`toolkit apply` over bare `terraform init` + `apply`", "≤ 1.10 × + 0.5 s",
         f"{our_apply:.1f} s over {bare_apply:.1f} s = {our_apply / bare_apply:.2f} ×, {count} resources"),
        ("sandbox ready from nothing, over Azurite's own start", "≤ + 1 s",
         f"{started:.2f} s over {azurite:.2f} s = + {started - azurite:.2f} s"),
        ("sandbox's memory with the platform in it, without Azurite", "≤ 200 MiB", f"{memory:.0f} MiB"),
        (f"whole `make env={ENVIRONMENT} apply`, toolchain cached, smoke included", "≤ 30 s", f"{whole:.1f} s"),
        ("`toolkit --help`, CPU", "≤ 0.15 s", f"{help_cpu:.2f} s"),
        ("GET of the ARM engine, median, 4 clients at once", "≤ 3 ms", f"{get:.1f} ms"),
    ]  # fmt: skip
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Measured speed",
        "",
        f"Written by `make bench` on {time.strftime('%Y-%m-%d')}: {machine}. Medians of {ROUNDS} interleaved runs.",
        "",
        "| what | promise | measured |",
        "|---|---|---|",
        *(f"| {what} | {promise} | {measured} |" for what, promise, measured in rows),
        "",
    ]
    (ROOT / "benchmarks" / "RESULTS.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
