"""azure-ai-ml, the extra ``[ml]``: imported in one place, and put where a vantage stands.

Its blob clients take neither proxy nor authority as arguments: they read the process environment, as requests does.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolkit.azure import conflicts
from toolkit.environment import Vantage

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential


def require_ml() -> None:
    """Raises ToolkitError when azure-ai-ml is not installed or cannot be imported, with the way out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of marshmallow, by the hundred
            import azure.ai.ml  # noqa: F401
    except Exception as error:
        raise conflicts.explained("azure.ai.ml", error) from error


@contextmanager
def ml_client(workspace_id: str, vantage: Vantage, credential: TokenCredential) -> Iterator[MLClient]:
    """A client of a workspace, and a process environment that leads its inner clients to ``vantage``."""
    require_ml()
    from azure.ai.ml import MLClient

    _, _, subscription, _, group, *_, name = workspace_id.split("/")
    with _process_environment(vantage.settings), _quiet():
        yield MLClient(credential, subscription, group, name)


@contextmanager
def _process_environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Its warnings repeat what the toolkit says itself, and what only its authors can change."""
    logger = logging.getLogger("azure.ai.ml")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
