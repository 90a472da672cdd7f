"""A headless Chromium, driven over a pipe with the DevTools protocol: no driver, no port.

https://chromedevtools.github.io/devtools-protocol/; ``--remote-debugging-pipe`` reads commands from descriptor 3 and
writes to 4, each a JSON object and a NUL.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
# Nothing waits this long: a browser that hangs ends the test instead of the session.
_SECONDS = 120.0
_ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")


def browser_program() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """One page. Use it as a context manager."""

    def __init__(self, program: str, profile: Path) -> None:
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()

        def place() -> None:
            for descriptor, number in ((os.dup(commands), 3), (os.dup(answers), 4)):
                os.dup2(descriptor, number)

        self._process = subprocess.Popen(
            [program, *_ARGUMENTS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer, self._number, self._session = b"", 0, None
        self.events: list[dict[str, Any]] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        os.close(self._commands)
        self._process.kill()
        self._process.wait()
        os.close(self._answers)

    def open(self, path: Path, width: int, height: int = 900, *, scheme: str = "light", media: str = "screen") -> None:
        """Show a file in a window of that size, and wait until it is loaded."""
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", media=media, features=features)
        self.events.clear()
        self._call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._read()

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page: the page's own policy is no hindrance."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def names(self, *roles: str) -> list[str]:
        """The names of elements with these roles, as assistive technology hears them."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in roles and "name" in node
        ]

    def screenshot(self, path: Path) -> None:
        """The whole page, not only the window."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self._call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))

    def problems(self) -> list[str]:
        """What the browser complained of since the page was opened: errors of scripts, policies and requests."""
        found = [e["params"]["entry"]["text"] for e in self.events if e["method"] == "Log.entryAdded"]
        return found + [str(e["params"]) for e in self.events if e["method"] == "Runtime.exceptionThrown"]

    def requested(self) -> list[str]:
        """Every address that the page asked for, its own included."""
        sent = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self) -> dict[str, Any]:
        """The next message; events are kept."""
        while b"\0" not in self._buffer:
            if not select.select([self._answers], [], [], _SECONDS)[0]:
                raise AssertionError("the browser says nothing")
            received = os.read(self._answers, 1 << 20)
            if not received:
                raise AssertionError(f"the browser ended with {self._process.poll()}")
            self._buffer += received
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        if "method" in message:
            self.events.append(message)
        return message
