"""The OpenAPI description as rows for a plain page: the usual viewers load themselves from elsewhere, and a labelling server may be offline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def operations(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per route: method, path, summary, parameters, and the fields of its body and of its answer."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "text": row.get("description") or row.get("summary", ""),
            "parameters": [
                {"name": one["name"], "type": _type(one["schema"]), "required": one.get("required", False), "text": one["in"]}
                for one in row.get("parameters", ())
            ],
            "body": list(_fields(schema, row.get("requestBody", {}))),
            "answer": list(_fields(schema, row["responses"].get("200", {}))),
        }
        for path, methods in schema["paths"].items()
        for method, row in methods.items()
    ]


def _fields(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    model = part.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" not in model:
        return
    resolved = schema["components"]["schemas"][_name(model)]
    for name, field in resolved.get("properties", {}).items():
        yield {"name": name, "type": _type(field), "required": name in resolved.get("required", ()), "text": field.get("description", "")}


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "$ref" in field:
        return _name(field)
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("type", "any"))


def _name(model: Mapping[str, Any]) -> str:
    return str(model["$ref"]).rsplit("/", 1)[-1]
