"""The template that publishing would make says what the folder says; what environments differ in is a parameter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adf.examples import EXAMPLES
from tests.unit.adf.parts import Json, factory, linked, networked, reference, schedule, wait, web
from tests.unit.pipelines.factories import git_folder, write
from toolkit.adf import linked as linked_templates
from toolkit.adf.difference import differences
from toolkit.adf.export import default_definition, export
from toolkit.cli.main import main
from toolkit.errors import ExitCode, ToolkitError
from toolkit.pipelines.model import ARM_TYPES, Factory
from toolkit.pipelines.reading import read_factory

SECRET = {"type": "SecureString", "value": "hunter2"}
VAULT = {"type": "AzureKeyVaultSecret", "store": reference("LinkedService", "kv"), "secretName": "the-key"}
LINKED: Json = {
    "ls": {
        "type": "AzureBlobStorage",
        "typeProperties": {"serviceEndpoint": "https://a.blob.core.windows.net", "accountKind": "x"},
    },
    "sql": {"type": "AzureSqlDatabase", "typeProperties": {"connectionString": "Server=x;Password=hunter2"}},
    "ftp": {"type": "Sftp", "typeProperties": {"host": "h", "password": SECRET}},
    "sas": {"type": "AzureBlobStorage", "typeProperties": {"sasToken": VAULT, "sasUri": SECRET}},
    "kv": {"type": "AzureKeyVault", "typeProperties": {"baseUrl": "https://v.vault.azure.net"}},
}  # fmt: skip


def made(folder: Path, resources: Json, **definition: Any) -> tuple[Factory, Any]:
    source = read_factory(git_folder(folder / "adf", resources))
    return source, export(source, definition or default_definition(), "adf-test")


def again(folder: Path, template: Any) -> Factory:
    for name, text in template.files().items():
        write(folder / "out" / name, text)
    return read_factory(folder / "out")


ALL = [
    rule for rule, one in EXAMPLES.items() if not one.files and not rule.startswith(("secret", "limit", "published"))
]


@pytest.mark.parametrize("rule", ALL)
def test_what_is_exported_reads_as_what_it_was_made_of(rule: str, tmp_path: Path) -> None:
    source, template = made(tmp_path, EXAMPLES[rule].good)
    published = again(tmp_path, template)
    assert differences(source, published) == []
    assert {
        kind: sorted(one.name for one in published.of(kind))
        for kind in ARM_TYPES
        if kind not in ("factory", "globalParameters")
    } == {
        kind: sorted(one.name for one in source.of(kind))
        for kind in ARM_TYPES
        if kind not in ("factory", "globalParameters")
    }
    assert {name: node.value for name, node in published.global_parameters.items()} == {
        name: node.value for name, node in source.global_parameters.items()
    }


def test_secrets_are_parameters_without_a_value(tmp_path: Path) -> None:
    _, template = made(tmp_path, {"linkedService": LINKED})
    text = "".join(template.files().values())
    assert "hunter2" not in text
    parameters = template.template["parameters"]
    secure = {name for name, one in parameters.items() if one["type"] == "secureString"}
    assert secure == {"sql_connectionString", "ftp_password", "sas_sasUri"}
    assert parameters["sas_properties_typeProperties_sasToken_secretName"]["defaultValue"] == "the-key"
    assert (
        parameters["ls_properties_typeProperties_serviceEndpoint"]["defaultValue"] == "https://a.blob.core.windows.net"
    )
    assert "ls_properties_typeProperties_accountKind" not in parameters
    assert template.values["sql_connectionString"] == {"value": ""}


def test_dependencies_are_the_references(tmp_path: Path) -> None:
    resources = {
        **networked(web()),
        **linked(connectVia=reference("IntegrationRuntime", "AutoResolveIntegrationRuntime")),
    }
    resources["trigger"] = {"tr": schedule()}
    _, template = made(tmp_path, resources)
    found = {one["name"].split("/")[-1].split("'")[0]: one["dependsOn"] for one in template.template["resources"]}
    assert found["main"] == ["[concat(variables('factoryId'), '/integrationRuntimes/ir-managed')]"]
    assert found["ls"] == []
    assert found["tr"] == ["[concat(variables('factoryId'), '/pipelines/main')]"]
    assert (
        found["ir-managed"] == found["blob"] == ["[concat(variables('factoryId'), '/managedVirtualNetworks/default')]"]
    )
    assert "connectionState" not in json.dumps(template.template)


def test_parameters_of_triggers_are_named_by_the_pipeline(tmp_path: Path) -> None:
    trigger = {
        **schedule(),
        "pipelines": [{"pipelineReference": reference("Pipeline", "main"), "parameters": {"a": "x"}}],
    }
    _, template = made(tmp_path, {**factory(wait(), parameters={"a": {"type": "String"}}), "trigger": {"tr": trigger}})
    assert template.template["parameters"]["tr_properties_main_parameters_a"] == {"type": "string", "defaultValue": "x"}


@pytest.mark.parametrize(
    ("wanted", "name", "declared"),
    [
        ("=", "main_properties_activities_0_typeProperties_waitTimeInSeconds", {"type": "int", "defaultValue": 1}),
        ("-", "main_properties_activities_0_typeProperties_waitTimeInSeconds", {"type": "int"}),
        ("-::number", "main_properties_activities_0_typeProperties_waitTimeInSeconds", {"type": "int"}),
        ("=:pause:string", "main_properties_activities_0_typeProperties_pause", {"type": "string", "defaultValue": 1}),
        ("=:-pause", "main_pause", {"type": "int", "defaultValue": 1}),
    ],
)
def test_a_definition_of_ones_own_says_what_is_a_parameter(
    wanted: str, name: str, declared: Json, tmp_path: Path
) -> None:
    definition = {
        "Microsoft.DataFactory/factories/pipelines": {
            "properties": {"activities": [{"typeProperties": {"waitTimeInSeconds": wanted}}]}
        }
    }
    _, template = made(tmp_path, factory(wait()), **definition)
    assert {key: value for key, value in template.template["parameters"].items() if key != "factoryName"} == {
        name: declared
    }
    (pipeline,) = template.template["resources"]
    assert pipeline["properties"]["activities"][0]["typeProperties"]["waitTimeInSeconds"] == f"[parameters('{name}')]"


def test_what_looks_like_a_function_of_arm_is_escaped(tmp_path: Path) -> None:
    source, template = made(tmp_path, factory(wait(), description="[not a function]", annotations=["[open"]))
    (pipeline,) = template.template["resources"]
    assert pipeline["properties"]["description"] == "[[not a function]"
    assert pipeline["properties"]["annotations"] == ["[open"]
    assert differences(source, again(tmp_path, template)) == []


def test_more_than_resource_manager_takes_is_one_clear_error(tmp_path: Path) -> None:
    many = {f"ls{n}": {"type": "X", "typeProperties": {"url": "https://x"}} for n in range(257)}
    with pytest.raises(ToolkitError, match="the template has 258 parameters, Resource Manager takes 256"):
        made(tmp_path, {"linkedService": many})


@pytest.mark.parametrize("rule", ALL)
def test_linked_templates_say_the_same_in_parts(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked_templates, "_PART_RESOURCES", 1)
    source, template = made(tmp_path, EXAMPLES[rule].good)
    files = {name: text for name, text in template.files().items() if name.startswith("linkedTemplates/")}
    for name, text in files.items():
        write(tmp_path / "out" / name, text)
    parts = [json.loads(text) for name, text in files.items() if "master" not in name]
    assert len(parts) == len(template.template["resources"]) or not parts[0]["resources"]
    if parts[0]["resources"]:
        assert differences(source, read_factory(tmp_path / "out")) == []
    master = json.loads(files["linkedTemplates/ArmTemplate_master.json"])
    for number, (part, deployment) in enumerate(zip(parts, master["resources"], strict=True)):
        assert set(deployment["properties"]["parameters"]) == set(part["parameters"]) <= set(master["parameters"])
        uses = {name for name in template.template["parameters"] if f"parameters('{name}')" in json.dumps(part)}
        assert uses <= set(part["parameters"])
        assert len(deployment["dependsOn"]) == min(number, 1)
    given = json.loads(files["linkedTemplates/ArmTemplateParameters_master.json"])["parameters"]
    assert (
        set(given)
        == set(master["parameters"])
        == {*template.template["parameters"], "containerUri", "containerSasToken"}
    )


def test_a_part_comes_after_what_it_refers_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked_templates, "_PART_RESOURCES", 2)
    resources = networked(web("A", "https://x.blob.core.windows.net/c/b"))
    _, template = made(tmp_path, {**resources, "linkedService": LINKED})
    files = template.files()
    parts = [
        json.loads(text)["resources"]
        for name, text in files.items()
        if name.startswith("linkedTemplates/ArmTemplate_") and "master" not in name
    ]
    whole = {one["name"]: one["dependsOn"] for one in template.template["resources"]}
    done: set[str] = set()
    assert [len(part) for part in parts][:-1] == [2] * (len(parts) - 1)
    for part in parts:
        here = {linked_templates._id(one) for one in part}
        for one in part:
            wanted = {other.lower() for other in whole[one["name"]]}
            assert wanted <= done | here
            assert {other.lower() for other in one["dependsOn"]} == wanted & here
        done |= here
    assert len(done) == len(whole)


def test_a_large_factory_is_exported_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    large = factory(wait())
    large["pipeline"] = {f"p{n}": {**large["pipeline"]["main"], "description": "x" * 60_000} for n in range(80)}
    large.pop("trigger", None)
    git_folder(Path("adf"), large)
    write(Path("ArmTemplate/linkedTemplates/ArmTemplate_77.json"), "{}")
    assert main(["adf", "export", "adf"]) == ExitCode.DONE
    shown = capfd.readouterr().err
    assert "bytes, Resource Manager takes 4194304: deploy ArmTemplate/linkedTemplates/ArmTemplate_master.json" in shown
    parts = sorted(path.name for path in Path("ArmTemplate/linkedTemplates").glob("ArmTemplate_?*.json"))
    assert parts == ["ArmTemplate_0.json", "ArmTemplate_1.json", "ArmTemplate_2.json", "ArmTemplate_master.json"]
    assert all(path.stat().st_size < 4 * 1024 * 1024 for path in Path("ArmTemplate/linkedTemplates").iterdir())


def test_what_parts_do_not_help_against(tmp_path: Path) -> None:
    huge = factory(wait())
    huge["pipeline"]["main"]["description"] = "x" * 5_000_000
    with pytest.raises(ToolkitError, match=r"linkedTemplates/ArmTemplate_0\.json has 50"):
        made(tmp_path, huge)


def test_the_command_writes_both_files_and_refuses_what_data_factory_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    git_folder(Path("adf"), factory(wait()))
    assert main(["adf", "export", "adf", "--factory-name", "adf-prod"]) == ExitCode.DONE
    template = json.loads(Path("ArmTemplate/ARMTemplateForFactory.json").read_text())
    assert template["parameters"]["factoryName"]["defaultValue"] == "adf-prod"
    assert json.loads(Path("ArmTemplate/ARMTemplateParametersForFactory.json").read_text())["parameters"]
    write(Path("adf/arm-template-parameters-definition.json"), "{")
    assert main(["adf", "export", "adf"]) == ExitCode.USAGE
    Path("adf/arm-template-parameters-definition.json").unlink()
    git_folder(Path("bad"), factory(wait("A", ["B"])))
    assert main(["adf", "export", "bad", "--output", "bad-out"]) == ExitCode.FAILED
    assert not Path("bad-out").exists()
    assert "[dependency-missing]" in capfd.readouterr().err
