"""XML values: ``{"$content-type": "application/xml;charset=utf-8", "$content": base64}``, as Azure's evaluator has them
(https://github.com/microsoft/data-factory-testing-framework, tests/functional/xml), and their way to and from JSON,
which is Newtonsoft's (https://www.newtonsoft.com/json/help/html/ConvertingJSONandXML.htm)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.values import CONTENT, CONTENT_TYPE, XML_TYPE, as_text, content_of, encoded

_XMLNS = "xmlns"


def is_xml(value: Any) -> bool:
    return (
        isinstance(value, dict) and str(value.get(CONTENT_TYPE, "")).startswith("application/xml") and CONTENT in value
    )


def from_text(text: str) -> dict[str, str]:
    _parsed(text.encode("utf-8"), "xml")
    return _value(text)


def from_json(value: dict[str, Any]) -> dict[str, str]:
    """The object must have one root property, which must not be an array (the page)."""
    from lxml import etree

    roots = [(name, inner) for name, inner in value.items() if not name.startswith("?")]
    if len(roots) != 1 or isinstance(roots[0][1], list):
        raise _not_xml(
            "JSON root object has multiple properties. The root object must have a single property in order to create "
            "a valid XML document."
        )
    try:
        root = _element(*roots[0], {})
    except ValueError as error:
        raise _not_xml(str(error)) from None
    return _value(etree.tostring(root, encoding="unicode"))


def as_json(value: dict[str, str]) -> Any:
    document = _parsed(content_of(value) or b"", "json")
    result: dict[str, Any] = {}
    text = (content_of(value) or b"").decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if text.startswith("<?xml"):
        info = document.getroottree().docinfo
        result["?xml"] = {"@version": info.xml_version}
        if "encoding" in text.partition("?>")[0]:
            result["?xml"]["@encoding"] = info.encoding
    result[_name(document)] = _content(document, {})
    return result


def select(document: dict[str, str], path: str) -> Any:
    """Nodes as XML values and text as text, always in an array; what computes gives its value."""
    from lxml import etree

    root = _parsed(content_of(document) or b"", "xpath")
    try:
        found = root.getroottree().xpath(path)
    except etree.XPathError as error:
        raise EvaluationError(
            f"The function 'xpath' parameter is not valid. The provided XPath '{path}' cannot be used: {error}."
        ) from None
    if isinstance(found, list):
        return [_selected(node) for node in found]
    if isinstance(found, float):
        return int(found) if found.is_integer() else found
    return str(found) if isinstance(found, str) else found


def _selected(node: Any) -> Any:
    from lxml import etree

    if isinstance(node, str):
        return str(node)
    return _value(etree.tostring(node, encoding="unicode", with_tail=False))


def _value(text: str) -> dict[str, str]:
    return {CONTENT_TYPE: XML_TYPE, CONTENT: encoded(text)}


def _not_xml(why: str) -> EvaluationError:
    return EvaluationError(
        f"The function 'xml' parameter is not valid. The provided value cannot be converted to XML: {why}"
    )


def _parsed(content: bytes, function: str) -> Any:
    from lxml import etree

    # No entities from outside and none that grow: what a pipeline reads is not to be trusted.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content.strip(), parser)
    except etree.XMLSyntaxError as error:
        raise EvaluationError(
            f"The function '{function}' parameter is not valid. The provided value cannot be converted to XML: "
            f"'{error}'."
        ) from None


# -- XML to JSON -------------------------------------------------------------------------------------------------------


def _name(element: Any) -> str:
    from lxml import etree

    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local


def _attribute_name(element: Any, name: str) -> str:
    from lxml import etree

    qualified = etree.QName(name)
    if qualified.namespace is None:
        return f"@{name}"
    prefix = next((key for key, uri in element.nsmap.items() if uri == qualified.namespace and key), "xml")
    return f"@{prefix}:{qualified.localname}"


def _content(element: Any, outer: Mapping[str | None, str]) -> Any:
    members: dict[str, Any] = {}
    for prefix, uri in element.nsmap.items():
        if outer.get(prefix) != uri:
            members[f"@{_XMLNS}:{prefix}" if prefix else f"@{_XMLNS}"] = uri
    for name, value in element.attrib.items():
        members[_attribute_name(element, name)] = value
    texts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            _put(members, _name(child), _content(child, element.nsmap))
        texts.append(child.tail or "")
    text = [part for part in texts if part.strip()]
    if not members:
        return "".join(texts) if text else None
    if text:
        members["#text"] = text[0] if len(text) == 1 else text
    return members


def _put(members: dict[str, Any], name: str, value: Any) -> None:
    """Elements of one name become an array where the first of them stands."""
    if name not in members:
        members[name] = value
    elif isinstance(members[name], list):
        members[name].append(value)
    else:
        members[name] = [members[name], value]


# -- JSON to XML -------------------------------------------------------------------------------------------------------


def _element(name: str, value: Any, outer: Mapping[str | None, str]) -> Any:
    from lxml import etree

    declared: dict[str | None, str] = {}
    attributes: dict[str, Any] = {}
    children: list[tuple[str, Any]] = []
    text = ""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == f"@{_XMLNS}":
                declared[None] = str(inner)
            elif key.startswith(f"@{_XMLNS}:"):
                declared[key.partition(":")[2]] = str(inner)
            elif key.startswith("@"):
                attributes[key[1:]] = inner
            elif key == "#text":
                text += "".join(_text(part) for part in (inner if isinstance(inner, list) else [inner]))
            else:
                children.append((key, inner))
    else:
        text = _text(value)
    spaces = {**outer, **declared}
    element = etree.Element(_clark(name, spaces), nsmap=spaces or None)
    for key, inner in attributes.items():
        element.set(_clark(key, {**spaces, None: ""}), _text(inner))
    element.text = text or None
    for key, inner in children:
        for one in inner if isinstance(inner, list) else [inner]:
            element.append(_element(key, one, spaces))
    return element


def _clark(name: str, spaces: Mapping[str | None, str]) -> str:
    prefix, colon, local = name.rpartition(":")
    uri = spaces.get(prefix if colon else None, "")
    return f"{{{uri}}}{local}" if uri else local


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_text(value)
