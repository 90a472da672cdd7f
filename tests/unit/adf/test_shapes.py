"""Factories in the shapes that they have in the wild: what is right in them is not found fault with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.adf.parts import activity, factory, linked, pipeline, reference, set_variable, wait, web
from tests.unit.pipelines.factories import git_folder, template, terraform_state, write
from toolkit.adf.lint.engine import lint, mend
from toolkit.adf.lint.flow import ACTIVITY_TYPES
from toolkit.adf.lint.registry import RULES, select
from toolkit.pipelines.reading import read_factory


def errors(path: Path) -> list[str]:
    return [f"{one.rule.id}: {one.what}" for one in lint(read_factory(path), RULES) if one.rule.severity != "note"]


def test_a_published_template_whose_values_are_parameters(tmp_path: Path) -> None:
    resources = {
        **factory(web(url="[parameters('main_properties_0_url')]")),
        **linked(
            type="AzureSqlDatabase",
            typeProperties={"connectionString": "[parameters('ls_connectionString')]"},
            connectVia=reference("IntegrationRuntime", "AutoResolveIntegrationRuntime"),
        ),
        "dataset": {"d": {"type": "AzureSqlTable", "linkedServiceName": reference("LinkedService", "ls")}},
    }
    resources["pipeline"]["main"]["activities"].append(
        {"name": "L", "type": "Lookup", "typeProperties": {"source": {}, "dataset": reference("Dataset", "d")}}
    )
    resources["pipeline"]["main"]["activities"][0]["typeProperties"].pop("connectVia")
    document = template(resources)
    document["parameters"] |= {
        "main_properties_0_url": {"type": "string", "defaultValue": "https://account.blob.core.windows.net/c/b"},
        "ls_connectionString": {"type": "secureString", "metadata": "Secure string"},
    }
    file = write(tmp_path / "ARMTemplateForFactory.json", document)
    assert errors(file) == []
    document["parameters"]["ls_connectionString"]["defaultValue"] = "Server=x;Password=hunter2"
    write(file, document)
    assert errors(file) == [
        "secret-template-default: the template's parameter ls_connectionString has its secret as default"
    ]


def test_a_template_is_mended_where_its_text_is(tmp_path: Path) -> None:
    document = template(factory(web(headers=None), description="[[literal]"))
    file = write(tmp_path / "ARMTemplateForFactory.json", document)
    assert mend(lint(read_factory(file), select(["web-storage-version"])))
    text = file.read_text()
    assert '"[[literal]"' in text
    assert "\"[concat(parameters('factoryName'), '/main')]\"" in text
    assert '"x-ms-version": "2023-11-03"' in text


def test_linked_templates_refer_to_each_other(tmp_path: Path) -> None:
    resources = {**factory(set_variable("S", "v", "x")), "trigger": {}}
    resources["pipeline"]["main"]["variables"] = {"v": {"type": "String"}}
    resources["pipeline"]["caller"] = pipeline(
        {
            "name": "Run",
            "type": "ExecutePipeline",
            "typeProperties": {"pipeline": reference("Pipeline", "main"), "waitOnCompletion": True},
        }
    )
    parts: list[dict[str, Any]] = [{"pipeline": {name: value}} for name, value in resources["pipeline"].items()]
    for number, part in enumerate(parts):
        write(tmp_path / "linkedTemplates" / f"ArmTemplate_{number}.json", template(part))
    assert [one for one in errors(tmp_path) if "variable-unused" not in one] == []


def test_global_parameters_in_a_file_of_their_own_are_known(tmp_path: Path) -> None:
    used = factory(
        wait(), set_variable("S", "v", "@pipeline().globalParameters.region"), variables={"v": {"type": "String"}}
    )
    folder = git_folder(tmp_path, {**used, "factory": {"adf": {}}})
    assert [one for one in errors(folder) if one.startswith("expression")] != []
    write(folder / "globalParameters" / "adf_GlobalParameters.json", {"region": {"type": "string", "value": "x"}})
    assert [one for one in errors(folder) if one.startswith("expression")] == []


def test_terraforms_json_without_the_factory_is_no_place_for_missing_references(tmp_path: Path) -> None:
    resources = {**factory(web()), "trigger": {}}
    assert errors(write(tmp_path / "state.json", terraform_state(resources))) == []


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("a.csv", "type,name,path\n", 1, "the columns are type, name, path, value"),
        ("a.csv", "type,name,path,value\npipe,main,x,1\n", 2, "'pipe' is no kind of resource"),
        ("a.csv", "type,name,path,value\n\npipeline,other,x,1\n", 3, "there is no pipeline other"),
        (
            "a.csv",
            "type,name,path,value\npipeline,main,activities[1].name,1\n",
            2,
            "pipeline main has no activities[1].name",
        ),
        ("a.csv", "type,name,path,value\npipeline,main,-nothing,\n", 2, "pipeline main has no nothing"),
        ("a.csv", "type,name,path,value\npipeline,main,,1\n", 2, "a row has a type, a name, a path and a value"),
        ("a.json", '{\n"nobody": [{"name": "x"}]}', 2, "there is no resource nobody"),
        ("a.json", "{\n", 2, "is no JSON: expecting property name enclosed in double quotes"),
    ],
)
def test_what_a_deployment_would_not_find(name: str, text: str, line: int, what: str, tmp_path: Path) -> None:
    folder = git_folder(tmp_path, factory(wait()))
    write(folder / "deployment" / name, text)
    (found,) = lint(read_factory(folder), select(["deployment-configuration"]))
    assert (found.file, found.line, found.what) == (str(folder / "deployment" / name), line, what)


def test_a_factory_without_properties_is_one(tmp_path: Path) -> None:
    folder = git_folder(tmp_path, factory(wait()))
    write(
        folder / "factory" / "adf.json", {"name": "adf", "location": "uksouth", "identity": {"type": "SystemAssigned"}}
    )
    assert errors(folder) == []


@pytest.mark.parametrize(("container", "known"), [("Until", True), ("IfCondition", True), ("ForEach", False)])
def test_what_a_container_held_is_known_behind_it_but_not_a_loops_iterations(
    container: str, known: bool, tmp_path: Path
) -> None:
    held = {"Until": "activities", "IfCondition": "ifTrueActivities", "ForEach": "activities"}[container]
    outer = activity("Outer", container, **{held: [wait("Inner")]})
    after = set_variable("S", "v", "@activity('Inner').status", ["Outer"])
    found = errors(git_folder(tmp_path, factory(outer, after, variables={"v": {"type": "String"}})))
    assert ([one for one in found if one.startswith("expression-activity")] == []) is known


def test_letter_case_of_names_and_folders_makes_no_difference(tmp_path: Path) -> None:
    folder = git_folder(tmp_path, factory(wait()))
    write(
        folder / "linkedservice" / "LS.json",
        {
            "name": "LS",
            "properties": {
                "type": "AzureBlobStorage",
                "typeProperties": {"serviceEndpoint": "https://a.blob.core.windows.net"},
            },
        },
    )
    write(
        folder / "dataset" / "d.json",
        {
            "name": "d",
            "properties": {
                "type": "Binary",
                "linkedServiceName": {"referenceName": "ls", "type": "LinkedServiceReference"},
            },
        },
    )
    assert [one for one in errors(folder) if "missing" in one or "linked-service-unused" in one] == []


def test_windows_line_ends_tabs_and_a_byte_order_mark_survive_a_fix(tmp_path: Path) -> None:
    text = (
        '\ufeff{\r\n\t"name": "main",\r\n\t"properties": {\r\n\t\t"activities": [\r\n'
        '\t\t\t{ "name": "Call", "type": "WebActivity",\r\n'
        '\t\t\t  "connectVia": {"referenceName": "ir", "type": "IntegrationRuntimeReference"},\r\n'
        '\t\t\t  "typeProperties": {"url": "https://example.org", "method": "GET"} }\r\n\t\t]\r\n\t}\r\n}\r\n'
    )
    file = tmp_path / "pipeline" / "main.json"
    file.parent.mkdir()
    file.write_bytes(text.encode())
    assert mend(lint(read_factory(tmp_path), select(["web-connect-via"])))
    after = file.read_bytes().decode()
    moved = '"connectVia": {"referenceName": "ir", "type": "IntegrationRuntimeReference"}'
    assert after == text.replace(f"{moved},\r\n\t\t\t  ", "").replace(
        '"method": "GET"', f'"method": "GET", {moved}'
    ).replace('"GET",  ', '"GET", ')


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        7,
        {"activities": "none"},
        {"activities": [1, None, []]},
        {"activities": [{"typeProperties": []}]},
    ],
)
def test_no_shape_of_a_pipeline_makes_a_rule_fail(value: Any, tmp_path: Path) -> None:
    write(tmp_path / "pipeline" / "odd.json", {"name": "odd", "properties": value})
    assert isinstance(errors(tmp_path), list)


def _spoilt(value: Any) -> list[Any]:
    """The definition with one part after the other replaced by something of another type."""
    made: list[Any] = []

    def spoil(node: Any, put: Any) -> None:
        for odd in (None, 7, "x", [], {}, [{}], {"x": []}):
            made.append(put(odd))
        if isinstance(node, dict):
            for key in node:
                spoil(node[key], lambda odd, key=key: put({**node, key: odd}))
        elif isinstance(node, list):
            for at in range(len(node)):
                spoil(node[at], lambda odd, at=at: put([*node[:at], odd, *node[at + 1 :]]))

    spoil(value, lambda odd: odd)
    return made


VARIED = (
    "web-audience", "variable-in-parallel", "call-parameter-missing", "expression-lookup", "trigger-time-zone",
    "linked-service-connect-via", "limit-tumbling-window", "dependency-impossible", "network-warm-up",
)  # fmt: skip


def test_whatever_somebody_wrote_in_place_of_a_part_no_rule_fails(tmp_path: Path) -> None:
    """The kinds of activity that rules look into, with each of their parts spoilt in turn."""
    from tests.unit.adf.examples import EXAMPLES
    from toolkit.pipelines.documents import document_of
    from toolkit.pipelines.git_mode import add_document
    from toolkit.pipelines.model import Factory

    tried = 0
    for rule in VARIED:
        for kind, named in EXAMPLES[rule].bad.items():
            for name, properties in named.items():
                for odd in _spoilt(properties):
                    made = Factory("adf", "git", "adf")
                    add_document(made, document_of({"name": name, "properties": odd}, "x.json"), kind, name)  # type: ignore[arg-type]
                    lint(made, RULES)
                    tried += 1
    assert tried > 500


def test_the_types_of_activities_are_the_sdks() -> None:
    from azure.mgmt.datafactory import models

    def below(cls: Any) -> set[str]:
        found: set[str] = set()
        for name, model in vars(cls).get("_subtype_map", {}).get("type", {}).items():
            found |= {name} | below(getattr(models, model))
        return found

    assert below(models.Activity) - {"Container", "Execution"} == set(ACTIVITY_TYPES)
