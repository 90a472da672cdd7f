"""``terraform fmt -check`` over the tree, and ``terraform validate`` of every root and module, two at a time.

In a copy, as init leaves a folder and a lock file behind. The provider comes the way a sandbox environment gets it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.toolchain.provider import resolve_provider
from toolkit.toolchain.terraform import ensure_terraform

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    started = time.monotonic()
    terraform = ensure_terraform()
    provider = resolve_provider(target_is_sandbox=True, terraform=terraform)
    env = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "ARM_USE_MSI": "false"}
    if provider.cli_config_file is not None:
        env["TF_CLI_CONFIG_FILE"] = str(provider.cli_config_file)
    fmt = subprocess.run([*terraform.command, "fmt", "-check", "-recursive", "-diff", "-no-color"], cwd=ROOT, env=env)
    if fmt.returncode != 0:
        print("hint: terraform fmt -recursive", file=sys.stderr)
        return 1

    with tempfile.TemporaryDirectory(prefix="terraform-lint-") as temporary:
        copy = Path(temporary) / "terraform"
        shutil.copytree(ROOT / "terraform", copy, ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl"))
        folders = sorted({file.parent for file in copy.rglob("*.tf") if "tests" not in file.relative_to(copy).parts})
        if not folders:
            print(f"no Terraform configuration below {ROOT / 'terraform'}", file=sys.stderr)
            return 1

        def complaints(folder: Path) -> str:
            for arguments in (["init", "-backend=false", "-input=false", "-no-color"], ["validate", "-no-color"]):
                done = subprocess.run(
                    [*terraform.command, *arguments], cwd=folder, env=env, capture_output=True, text=True
                )
                if done.returncode != 0:
                    return f"terraform/{folder.relative_to(copy)}: terraform {arguments[0]}\n{done.stdout}{done.stderr}"
            return ""

        with ThreadPoolExecutor(2) as pool:
            failed = [text for text in pool.map(complaints, folders) if text]
    for text in failed:
        print(text, file=sys.stderr)
    print(f"terraform validate: {len(folders) - len(failed)} of {len(folders)} in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ToolkitError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        sys.exit(1)
