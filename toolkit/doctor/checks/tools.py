"""The tools of this machine: which were found, and why those. And the packages that the commands import."""

from __future__ import annotations

from toolkit.azure.imports import MODULES, import_report
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.context import Context
from toolkit.toolchain.report import Finding, toolchain_report

_FOR_THE_SANDBOX = ("node", "azurite")
_SEE = "docs/toolchain.md says where each tool is looked for; toolkit doctor --toolchain shows all of them"


def _findings(context: Context) -> dict[str, Finding]:
    return context.run.once("tools", lambda: {one.tool: one for one in toolchain_report()})


def _tool(context: Context, name: str) -> Facts:
    found = _findings(context)[name]
    if found.state == "wrong":
        raise CheckFailed(f"{name}: {found.why}", cause="differs", hint=_SEE, facts={"refused": list(found.refused)})
    if found.state == "missing":
        raise CheckSkipped(
            f"feature:{name}",
            f"{name} is not here yet: {found.why} (toolkit doctor --toolchain --install does it now)",
            meant=True,
        )
    return {
        "version": found.version,
        "where": found.where,
        "why": found.why,
        **({"refused": list(found.refused)} if found.refused else {}),
    }


def _terraform(context: Context) -> Facts:
    return _tool(context, "terraform")


def _azapi(context: Context) -> Facts:
    return _tool(context, "azapi")


def _sandbox(context: Context) -> Facts:
    if context.environment.target != "sandbox":
        raise CheckSkipped("feature:sandbox", "the environment is on Azure: no sandbox is run for it", meant=True)
    return {name: dict(_tool(context, name)) for name in _FOR_THE_SANDBOX}


def _imports(context: Context) -> Facts:
    wanted = {
        name: said for name, said in MODULES.items() if said[1] != "sandbox" or context.environment.target == "sandbox"
    }
    found = import_report(wanted)
    wrong = [one for one in found if one.state == "wrong"]
    if wrong:
        raise CheckFailed(
            "; ".join(f"{one.module} {one.version or ''}: {one.why}".replace(" :", ":") for one in wrong),
            cause="differs",
            hint="install what constraints.txt pins into a new environment: pip install -c constraints.txt -e .",
            facts={"modules": [one.module for one in wrong]},
        )
    return {
        "imported": sum(one.state == "found" for one in found),
        "left_out": [one.module for one in found if one.state == "missing"],
    }


CHECKS: tuple[Check[Context], ...] = (
    Check("tools-terraform", "tools", "Terraform of a tried version is found", _terraform),
    Check(
        "tools-azapi", "tools", "The azapi provider is found, or can be fetched", _azapi, depends=("tools-terraform",)
    ),
    Check("tools-sandbox", "tools", "What the sandbox runs on is found", _sandbox),
    Check(
        "packages-imports",
        "packages",
        "What the commands import can be imported together, in tried versions",
        _imports,
        deadline=110,
    ),
)
