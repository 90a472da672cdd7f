"""Whatever a path leads to, read as a factory: a Git-mode folder, a published template, Terraform's JSON, one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import ToolkitError, UsageError
from toolkit.files import disk_errors
from toolkit.pipelines.documents import Document, InvalidDocument, read_document
from toolkit.pipelines.git_mode import add_document, is_git_folder, read_git_folder
from toolkit.pipelines.model import ARM_TYPES, Factory, Kind, kind_of_type
from toolkit.pipelines.templates import MAIN, is_template, read_templates, template_files
from toolkit.pipelines.terraform_json import is_terraform, read_terraform

T = TypeVar("T")

EXPECTED = (
    "expected is a folder as Git mode keeps it (pipeline/, linkedService/, …), an adf_publish folder or its "
    f"{MAIN}, what `terraform show -json` prints, or one resource's JSON file"
)


def read_factory(path: Path) -> Factory:
    """Raises UsageError when there is no factory; what is wrong within a factory is in its faults."""
    where = str(path)
    with disk_errors(f"cannot read {where}"):
        if path.is_dir():
            return _read_folder(path, where)
        if path.is_file():
            return _read_file(path, where)
        what = "is neither a file nor a folder" if path.exists() else "does not exist"
    raise UsageError(f"{where} {what}", hint=EXPECTED)


def _read_folder(path: Path, where: str) -> Factory:
    files = template_files(path)
    if is_git_folder(path):
        return read_git_folder(path, where)
    if files:
        return _whole(lambda: read_templates(files, where, {file: _shown(where, path, file) for file in files}))
    below = [inner for inner in sorted(path.iterdir()) if inner.is_dir() and not inner.name.startswith(".")]
    inner_factories = [inner for inner in below if is_git_folder(inner) or template_files(inner)]
    if len(inner_factories) == 1:  # adf_publish holds one folder, named as the factory; repositories have a root folder
        return _read_folder(inner_factories[0], f"{where.rstrip('/')}/{inner_factories[0].name}")
    if inner_factories:
        names = ", ".join(inner.name for inner in inner_factories)
        raise UsageError(f"{where} holds several factories: {names}", hint="name the folder of one of them")
    raise UsageError(f"{where} holds no factory", hint=EXPECTED)


def _read_file(path: Path, where: str) -> Factory:
    document = _whole(lambda: read_document(path, where))
    if is_terraform(document.value):
        factory = read_terraform(document, where)
        if not any(factory.all):
            raise UsageError(f"{where}: Terraform has no Data Factory resources there", hint=EXPECTED)
        return factory
    if is_template(document.value):
        return read_templates([path], where, {path: where})
    kind = _kind(path, document)
    if kind is None:
        raise UsageError(f"{where} is no resource of a factory, by its folder and its content", hint=EXPECTED)
    factory = Factory(path.stem, "file", where, complete=False, documents=[document])
    add_document(factory, document, kind, path.stem)
    return factory


def _kind(path: Path, document: Document) -> Kind | None:
    """By its own type, by the folder that it lies in, or by what only one kind has."""
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("type"), str) and (kind := kind_of_type(value["type"])):
        return kind
    folder = path.resolve().parent.name.lower()
    for known in ARM_TYPES:
        if known.lower() == folder:
            return known
    properties: Any = value.get("properties") if isinstance(value, dict) else None
    if isinstance(properties, dict) and "activities" in properties:
        return "pipeline"
    return None


def _whole(read: Callable[[], T]) -> T:
    try:
        return read()
    except InvalidDocument as error:
        raise ToolkitError(str(error), hint="mend the file: nothing else can be said of it") from error


def _shown(where: str, folder: Path, file: Path) -> str:
    return f"{where.rstrip('/')}/{file.relative_to(folder)}"
