"""A factory as Git mode keeps it: one folder a kind, one file a resource.

https://learn.microsoft.com/azure/data-factory/source-control
"""

from __future__ import annotations

from pathlib import Path

from toolkit.pipelines.documents import Document, InvalidDocument, Node, read_document
from toolkit.pipelines.model import ARM_TYPES, Factory, Fault, Kind, Resource

# Folders are found without regard to letter case: tools on Windows write `linkedservice`, too.
_KINDS: dict[str, Kind] = {kind.lower(): kind for kind in ARM_TYPES if kind != "managedPrivateEndpoint"}
_ENDPOINTS = "managedprivateendpoint"


def kind_folders(folder: Path) -> dict[Path, Kind]:
    """The folders of kinds in ``folder``, ordered by kind."""
    found = {path: _KINDS[path.name.lower()] for path in folder.iterdir() if path.name.lower() in _KINDS}
    order = list(ARM_TYPES)
    folders = [(path, kind) for path, kind in found.items() if path.is_dir()]
    return dict(sorted(folders, key=lambda item: order.index(item[1])))


def is_git_folder(folder: Path) -> bool:
    """An adf_publish folder has `globalParameters`, too, beside its template."""
    folders = kind_folders(folder)
    return any(any(path.glob("*.json")) for path, kind in folders.items() if kind != "globalParameters")


def read_git_folder(folder: Path, where: str) -> Factory:
    factory = Factory("", "git", where)
    for path, kind in kind_folders(folder).items():
        for file in _files(path):
            read_into(factory, file, kind, f"{where.rstrip('/')}/{file.relative_to(folder)}")
        for file in sorted(path.glob("*/*/*.json")) if kind == "managedVirtualNetwork" else ():
            if file.parent.name.lower() == _ENDPOINTS and not _temporary(file):
                read_into(factory, file, "managedPrivateEndpoint", f"{where.rstrip('/')}/{file.relative_to(folder)}")
    names = [resource.name for resource in factory.of("factory")]
    factory.name = names[0] if names else folder.resolve().name
    return factory


def read_into(factory: Factory, file: Path, kind: Kind, shown: str) -> None:
    """Read one file; what is wrong with it becomes a fault, so that the others are looked at all the same."""
    try:
        document = read_document(file, shown)
    except InvalidDocument as error:
        factory.faults.append(Fault("invalid", error.file, error.what, error.line, error.column))
        return
    factory.documents.append(document)
    add_document(factory, document, kind, file.stem)


def add_document(factory: Factory, document: Document, kind: Kind, stem: str) -> None:
    """A whole document that is one resource."""
    root = document.root
    if not isinstance(root.value, dict):
        what = f"is no {kind}: a resource is an object"
        factory.faults.append(Fault("shape", document.file, what, document=document))
        return
    name, properties = root.text("name") or stem, root.get("properties")
    if kind == "globalParameters":
        # Beside an ARM template, the parameters themselves are the whole file.
        properties = (root.get("properties", "globalParameters") or properties) or root
    if kind == "factory" and properties is None:  # a factory of defaults only
        properties = Node(document, (), {})
    if properties is None or not isinstance(properties.value, dict):
        what = f"is no {kind}: it has no object `properties`"
        factory.faults.append(Fault("shape", document.file, what, document=document))
        return
    factory.add(Resource(kind, name, root, properties))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if not _temporary(path))


def _temporary(path: Path) -> bool:
    return path.name.startswith(("~", "."))
