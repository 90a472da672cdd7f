"""The variable files that people write: ``envs/common.tfvars`` and ``envs/<env>/terraform.tfvars``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit.environment.model import Environment
from toolkit.errors import UsageError


def variable_files(environment: Environment) -> tuple[Path, Path]:
    """What people write: for all environments, then for this one."""
    return environment.project.envs_dir / "common.tfvars", environment.folder / "terraform.tfvars"


def read_variables(path: Path, root: Path) -> dict[str, Any]:
    """The variables of one file, none when there is no such file. Raises UsageError for one that is no HCL."""
    if not path.is_file():
        return {}
    import hcl2  # here: --help does not pay for its grammar
    from lark.exceptions import UnexpectedInput

    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False
    )
    shown = path.relative_to(root)
    try:
        variables: dict[str, Any] = hcl2.loads(path.read_text(encoding="utf-8"), serialization_options=options)
    except UnexpectedInput as error:
        raise UsageError(
            f"{shown}:{error.line}: not valid HCL", hint=f"terraform fmt {shown} says what is wrong"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}: cannot be read: {error}") from None
    return variables
