"""What a table of cases consists of, and the sources that its rows name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_ADF = "https://learn.microsoft.com/azure/data-factory"

SOURCES = {
    # the function's own section on the page
    "adf": f"{_ADF}/control-flow-expression-language-functions",
    "adf-variables": f"{_ADF}/control-flow-system-variables",
    "wdl": "https://learn.microsoft.com/azure/logic-apps/workflow-definition-language-functions-reference",
    # Azure's own evaluator, with tests around it
    "dftf": "https://github.com/microsoft/data-factory-testing-framework/blob/main/tests",
    "dftf-123": "https://github.com/microsoft/data-factory-testing-framework/pull/123",
    # sentences of errors that people report from real factories and logic apps
    "docs-25107": "https://github.com/MicrosoftDocs/azure-docs/issues/25107",
    "docs-112476": "https://github.com/MicrosoftDocs/azure-docs/issues/112476",
    "adf-11": "https://github.com/kromerm/adfdataflowdocs/issues/11",
    "la-1932": "https://github.com/Azure/LogicAppsUX/issues/1932",
    "la-180": "https://github.com/Azure/Microsoft-Defender-for-Cloud/issues/180",
    # .NET, which the evaluator stands on
    "net-standard": "https://learn.microsoft.com/dotnet/standard/base-types/standard-date-and-time-format-strings",
    "net-custom": "https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings",
    "net-parse": "https://learn.microsoft.com/dotnet/api/system.datetime.parse",
    "net-datetime": "https://learn.microsoft.com/dotnet/api/system.datetime",
    "net-string": "https://learn.microsoft.com/dotnet/api/system.string",
    "net-guid": "https://learn.microsoft.com/dotnet/api/system.guid.tostring",
    "net-numbers": "https://learn.microsoft.com/dotnet/standard/base-types/standard-numeric-format-strings",
    "net-convert": "https://learn.microsoft.com/dotnet/api/system.convert.toint64",
    "net-escape": "https://learn.microsoft.com/dotnet/api/system.uri.escapedatastring",
    "newtonsoft": "https://www.newtonsoft.com/json/help/html/ConvertingJSONandXML.htm",
    "csharp": "https://learn.microsoft.com/dotnet/csharp/language-reference/operators/arithmetic-operators",
    "rfc2397": "https://www.rfc-editor.org/rfc/rfc2397",
    "rfc4648": "https://www.rfc-editor.org/rfc/rfc4648",
    "xpath": "https://www.w3.org/TR/1999/REC-xpath-19991116/",
    "iana": "https://www.iana.org/time-zones",
    "cldr": "https://github.com/unicode-org/cldr/blob/main/common/supplemental/windowsZones.xml",
    # no source decides: what the sandbox does, so that a change is seen
    "inferred": "",
}


@dataclass(frozen=True, slots=True)
class Fails:
    """The evaluation fails, and the sentence has this in it."""

    sentence: str


# (what stands in a definition, its value or Fails, a key of SOURCES)
Row = tuple[str, Any, str]
