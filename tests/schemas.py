"""JSON documents held against their schemas."""

from __future__ import annotations

import json
from functools import cache

from jsonschema import Draft202012Validator

from mnet_cost.report.schemas import document_schema


@cache
def validator_of(document: str) -> Draft202012Validator:
    """The validator of one kind of document."""
    schema = document_schema(document)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def checked(text: str) -> str:
    """`text`, a JSON document that says which; `AssertionError` where it breaks its schema."""
    document = json.loads(text)
    if "schema" not in document:  # of a report that a test has made up
        return text
    kind = document["schema"].split("/")[1]
    problems = [
        f"{kind}: {error.json_path}: {error.message[:300]}"
        for error in validator_of(kind).iter_errors(document)
    ]
    assert not problems, "\n".join(problems[:5])
    return text
