"""What the workspaces' own hosts refuse, in MLflow's shape or in the run history's."""

from __future__ import annotations

from typing import Final

from toolkit.records import Json

# https://github.com/mlflow/mlflow/blob/master/mlflow/exceptions.py (ERROR_CODE_TO_HTTP_STATUS)
_STATUS: Final = {
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STATE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "NOT_IMPLEMENTED": 501,
}


class LearningError(Exception):
    """Of discovery, the run history and the artifacts."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def body(self) -> Json:
        return {"error": {"code": self.code, "message": str(self)}}


class MlflowError(LearningError):
    """Of MLflow's own interface: the client turns the code into its exception."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(_STATUS[code], code, message)

    def body(self) -> Json:
        return {"error_code": self.code, "message": str(self)}


def missing(what: str) -> MlflowError:
    return MlflowError("RESOURCE_DOES_NOT_EXIST", f"{what} was not found.")


def invalid(message: str) -> MlflowError:
    return MlflowError("INVALID_PARAMETER_VALUE", message)
