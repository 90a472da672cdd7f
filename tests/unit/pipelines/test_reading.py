"""One factory, read from each of the places that can hold it, is the same factory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.pipelines.factories import git_folder, template, terraform_state, write
from toolkit.errors import ToolkitError, UsageError
from toolkit.pipelines.live import read_live
from toolkit.pipelines.model import ARM_TYPES, Factory, references
from toolkit.pipelines.reading import read_factory

RESOURCES: Mapping[str, Mapping[str, Any]] = {
    "factory": {"adf-test": {"globalParameters": {"region": {"type": "string", "value": "westeurope"}}}},
    "credential": {"cred": {"type": "ManagedIdentity", "typeProperties": {}}},
    "managedVirtualNetwork": {"default": {"preventDataExfiltration": False}},
    "managedPrivateEndpoint": {"blob": {"groupId": "blob", "fqdns": ["x.blob.core.windows.net"]}},
    "integrationRuntime": {"ir": {"type": "Managed"}},
    "linkedService": {
        "ls": {"type": "AzureBlobStorage", "connectVia": {"referenceName": "ir", "type": "IntegrationRuntimeReference"}}
    },
    "dataset": {
        "ds": {"type": "Binary", "linkedServiceName": {"referenceName": "ls", "type": "LinkedServiceReference"}}
    },
    "dataflow": {"df": {"type": "MappingDataFlow", "typeProperties": {}}},
    "pipeline": {
        "main": {
            "parameters": {"p": {"type": "String"}},
            "activities": [
                {"name": "First", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}},
                {
                    "name": "Choose",
                    "type": "Switch",
                    "dependsOn": [{"activity": "First", "dependencyConditions": ["Succeeded", "Skipped"]}],
                    "typeProperties": {
                        "on": "@pipeline().parameters.p",
                        "cases": [{"value": "a", "activities": [{"name": "InCase", "type": "Wait"}]}],
                        "defaultActivities": [{"name": "Otherwise", "type": "Fail"}],
                    },
                },
            ],
        }
    },
    "trigger": {"tr": {"type": "ScheduleTrigger", "pipelines": []}},
}


def from_git(folder: Path) -> Factory:
    return read_factory(git_folder(folder / "adf", RESOURCES))


def from_template(folder: Path) -> Factory:
    return read_factory(write(folder / "adf_publish" / "ARMTemplateForFactory.json", template(RESOURCES)).parent)


def from_linked_templates(folder: Path) -> Factory:
    for number, kinds in enumerate((("pipeline", "trigger"), tuple(set(ARM_TYPES) - {"pipeline", "trigger"}))):
        part = template({kind: RESOURCES.get(kind, {}) for kind in kinds})
        write(folder / "linkedTemplates" / f"ArmTemplate_{number}.json", part)
    write(folder / "linkedTemplates" / "ArmTemplate_master.json", {"contentVersion": "1.0.0.0", "resources": []})
    return read_factory(folder)


def from_terraform(folder: Path) -> Factory:
    return read_factory(write(folder / "state.json", terraform_state(RESOURCES)))


def from_terraform_text(folder: Path) -> Factory:
    return read_factory(write(folder / "state.json", terraform_state(RESOURCES, text=True)))


def from_service(folder: Path) -> Factory:
    answers: dict[str, list[dict[str, Any]]] = {
        ARM_TYPES[kind].split("/")[-1]: [
            {"name": name, "properties": value} for name, value in RESOURCES.get(kind, {}).items()
        ]
        for kind in ARM_TYPES
    }
    answers["managedVirtualNetworks/default/managedPrivateEndpoints"] = answers["managedPrivateEndpoints"]
    return read_live({"name": "adf-test", "properties": RESOURCES["factory"]["adf-test"]}, answers.__getitem__)


SOURCES = [from_git, from_template, from_linked_templates, from_terraform, from_terraform_text, from_service]


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_factory(source: Callable[[Path], Factory], tmp_path: Path) -> None:
    factory = source(tmp_path)
    assert factory.faults == []
    assert factory.name == "adf-test"
    assert factory.complete
    found = {kind: {one.name: one.properties.value for one in factory.of(kind)} for kind in ARM_TYPES}
    assert {kind: named for kind, named in found.items() if named} == RESOURCES
    assert factory.global_parameters["region"].text("value") == "westeurope"


@pytest.mark.parametrize("source", SOURCES)
def test_every_node_knows_its_file_its_path_and_its_line(source: Callable[[Path], Factory], tmp_path: Path) -> None:
    factory = source(tmp_path)
    for resource in factory.all:
        for path, value in resource.node.walk():
            node = resource.node.get(*path[len(resource.node.path) :])
            assert node is not None
            assert node.value == value
            if isinstance(value, str) and "factoryName" not in value and resource.node.document is node.document:
                written = node.document.text.splitlines()[node.line - 1]
                assert str(node.key) in written or value in written


def test_activities_know_their_container_their_branch_and_what_they_wait_for(tmp_path: Path) -> None:
    (pipeline,) = from_git(tmp_path).pipelines
    assert [(one.name, one.branch) for one in pipeline.all_activities] == [
        ("First", "activities"),
        ("Choose", "activities"),
        ("InCase", "cases[0]"),
        ("Otherwise", "defaultActivities"),
    ]
    first, choose, in_case, _ = pipeline.all_activities
    assert [(one.activity, one.conditions) for one in choose.depends_on] == [("First", ("Succeeded", "Skipped"))]
    assert in_case.siblings == [in_case]
    assert first.siblings == [first, choose]
    assert list(in_case.ancestors) == [choose]


def test_references_are_found_wherever_they_are(tmp_path: Path) -> None:
    factory = from_git(tmp_path)
    found = {(one.kind, one.name) for resource in factory.all for one in references(resource.properties)}
    assert found == {("linkedService", "ls"), ("integrationRuntime", "ir")}


def test_global_parameters_of_a_file_of_their_own(tmp_path: Path) -> None:
    folder = git_folder(tmp_path, {"pipeline": {"p": {"activities": []}}})
    write(folder / "globalParameters" / "adf_GlobalParameters.json", {"a": {"type": "int", "value": 1}})
    assert list(read_factory(folder).global_parameters) == ["a"]
    published = write(
        tmp_path / "pub" / "ARMTemplateForFactory.json",
        template({"globalParameters": {"default": {"b": {"type": "int", "value": 2}}}}),
    )
    assert list(read_factory(published).global_parameters) == ["b"]


def test_template_functions_are_resolved_and_escapes_undone(tmp_path: Path) -> None:
    document = template(
        {
            "linkedService": {
                "ls": {
                    "a": "[parameters('url')]",
                    "b": "[[literal]",
                    "c": "[uniqueString('x')]",
                    "d": "[parameters('key')]",
                    "e": "[concat(variables('factoryId'), '/it''s')]",
                }
            }
        }
    )
    document["parameters"] |= {
        "url": {"type": "string", "defaultValue": "https://x"},
        "key": {"type": "secureString", "defaultValue": "s"},
    }
    factory = read_factory(write(tmp_path / "t.json", document))
    found = factory.of("linkedService")[0].properties.value
    assert found == {
        "a": "https://x",
        "b": "[literal]",
        "c": "[uniqueString('x')]",
        "d": "[parameters('key')]",
        "e": "Microsoft.DataFactory/factories/adf-test/it's",
    }


def test_names_that_only_a_deployment_knows_still_name_the_resource(tmp_path: Path) -> None:
    for number, name in enumerate(
        ("[concat(parameters('adf'), '/main')]", "${factoryName}/main", "[format('{0}/main')]")
    ):
        document = template({})
        document["resources"] = [
            {"name": name, "type": "microsoft.datafactory/Factories/Pipelines", "properties": {"activities": []}}
        ]
        factory = read_factory(write(tmp_path / f"{number}.json", document))
        assert [one.name for one in factory.of("pipeline")] == ["main"] if number < 2 else True


def test_one_resource_alone_is_told_by_its_folder_or_content(tmp_path: Path) -> None:
    by_folder = write(tmp_path / "dataset" / "d.json", {"name": "d", "properties": {"type": "Binary"}})
    by_content = write(tmp_path / "p.json", {"name": "p", "properties": {"activities": []}})
    assert [one.kind for one in read_factory(by_folder).all] == ["dataset"]
    assert [one.kind for one in read_factory(by_content).all] == ["pipeline"]
    assert not read_factory(by_content).complete


def test_a_file_that_is_no_resource_is_a_fault_and_the_others_are_read(tmp_path: Path) -> None:
    folder = git_folder(tmp_path, {"pipeline": {"good": {"activities": []}}})
    write(folder / "pipeline" / "broken.json", '{"name": "x",\n')
    write(folder / "pipeline" / "list.json", [])
    write(folder / "pipeline" / "bare.json", {"name": "bare"})
    factory = read_factory(folder)
    assert [one.name for one in factory.of("pipeline")] == ["good"]
    assert sorted((Path(one.file).name, one.kind, one.line) for one in factory.faults) == [
        ("bare.json", "shape", 1),
        ("broken.json", "invalid", 2),
        ("list.json", "shape", 1),
    ]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda folder: folder / "nowhere", UsageError, "does not exist"),
        (lambda folder: Path("/dev/null"), UsageError, "is neither a file nor a folder"),
        (lambda folder: folder, UsageError, "holds no factory"),
        (lambda folder: git_folder(folder, {"pipeline": {}}), UsageError, "holds no factory"),
        (
            lambda folder: write(folder / "pipeline" / "Main.java", "class").parent.parent,
            UsageError,
            "holds no factory",
        ),
        (lambda folder: write(folder / "x.json", {"some": "thing"}), UsageError, "is no resource of a factory"),
        (lambda folder: write(folder / "x.json", "{"), ToolkitError, "x.json:1:2: is no JSON"),
        (lambda folder: write(folder / "x.json", terraform_state({})), UsageError, "no Data Factory resources"),
        (
            lambda folder: (
                git_folder(folder / "a", RESOURCES).parent if git_folder(folder / "b", RESOURCES) else folder
            ),
            UsageError,
            "holds several factories: a, b",
        ),
    ],
)
def test_what_holds_no_factory_is_one_clear_error(
    make: Callable[[Path], Path], error: type[ToolkitError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words) as caught:
        read_factory(make(tmp_path))
    assert caught.value.hint
