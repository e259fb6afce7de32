"""A check as files of other programs: JUnit XML, SARIF 2.1.0, workflow commands of GitHub.

All are written from one `CheckResult`, with the words of `check.py`. Each escapes what comes from
outside for its place: names, paths and reasons may hold anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.budgets.judgements import CheckResult, Judgement
from mnet_cost.budgets.verdicts import VERDICTS
from mnet_cost.escaping import json_text, printable
from mnet_cost.report.check import (
    details,
    group_sentence,
    grouped,
    limit_text,
    metric_title,
    network_name,
    sentence,
)

CHECK_FORMATS: Mapping[str, tuple[str, ...]] = {
    "junit": (".xml",),
    "sarif": (".sarif",),
    "github": (),
}
"""The formats of a check alone, each with the endings of its files."""


def write_check(result: CheckResult, format: str) -> str:
    """The check in one of `CHECK_FORMATS`; XML and JSON are ASCII."""
    writers: dict[str, Callable[[CheckResult], str]] = {
        "junit": to_junit, "sarif": to_sarif, "github": to_github,
    }  # fmt: skip
    return writers[format](result)


class _Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int


def _places(judgement: Judgement) -> list[_Place]:
    """The entry that costs most, or that was changed or added, and the limit. Of an entry that was
    removed it is the spec as it is now, which is what a viewer has.

    The limit comes first where the entry is in no file of the working directory, as that of a spec
    that is shipped.
    """
    places = []
    if judgement.before is not None:
        changed = [place for cause in judgement.before.causes for place in cause.places]
        return [_Place(*place) for place in changed[:1]] or [_Place(judgement.spec.path, 1)]
    if judgement.entries:
        places.append(_Place(judgement.entries[0].path, judgement.entries[0].line))
    node = judgement.bound.node
    if node is not None and node.source.is_file:
        places.append(_Place(node.source.path, node.line))
    if len(places) == 2 and _relative(places[0].path) is None:
        places.reverse()
    return places


def _relative(path: str) -> str | None:
    """A path as seen from the root of the repository, which GitHub names, or else from the working
    directory; None where it leads out of it."""
    try:
        relative = os.path.relpath(path, os.environ.get("GITHUB_WORKSPACE") or os.curdir)
    except ValueError:  # on another drive
        return None
    if relative == os.pardir or relative.startswith(os.pardir + os.sep):
        return None
    return relative.replace(os.sep, "/")


def _lines(judgement: Judgement) -> list[str]:
    """The judgement with all that is to be said about it, in characters that are visible."""
    lines = [sentence(judgement), *(f"{label}: {text}" for label, text in details(judgement))]
    return list(map(printable, lines))


# --- JUnit


def to_junit(result: CheckResult) -> str:
    """A test suite for each network, a test case for each limit."""
    from xml.etree import ElementTree

    suites: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in result.judgements:
        suites.setdefault((judgement.spec.title, judgement.spec.path), []).append(judgement)
    titles = [title for title, _ in suites]
    root = ElementTree.Element("testsuites", _counts(result, result.judgements))
    root.set("name", "mnet-cost check")
    for (title, path), judgements in suites.items():
        place = f" ({path})" if titles.count(title) > 1 else ""
        suite = ElementTree.SubElement(root, "testsuite", _counts(result, judgements))
        suite.set("name", printable(title + place))
        for judgement in judgements:
            case = ElementTree.SubElement(suite, "testcase")
            case.set("classname", printable(network_name(judgement) + place))
            case.set("name", printable(f"{metric_title(judgement)}, {limit_text(judgement)}"))
            case.set("time", "0")
            outcome = _outcome(result, judgement)
            lines = _lines(judgement)
            if outcome == "passed":
                if judgement.verdict == "warn":
                    output = ElementTree.SubElement(case, "system-out")
                    output.text = "\n".join(lines)
                continue
            child = ElementTree.SubElement(case, outcome)
            child.set("message", printable(sentence(judgement)))
            if outcome == "failure":
                child.set("type", judgement.verdict)
                child.text = "\n".join(lines)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text.decode("ascii") + "\n"


def _outcome(result: CheckResult, judgement: Judgement) -> str:
    """`failure`, `skipped` for what is undecided, or `passed`."""
    if judgement.verdict in result.fail_on:
        return "failure"
    return "skipped" if judgement.verdict in ("undecided", "over") else "passed"


def _counts(result: CheckResult, judgements: Sequence[Judgement]) -> dict[str, str]:
    outcomes = [_outcome(result, judgement) for judgement in judgements]
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("failure")),
        "errors": "0",
        "skipped": str(outcomes.count("skipped")),
        "time": "0",
    }


# --- SARIF

MOST_RESULTS = 25_000
"""Results of a log, the worst first: GitHub refuses logs with more."""

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(result: CheckResult) -> str:
    """A run with a result for each limit that is not kept; rules are metrics."""
    from mnet_cost.shipped import installed_version

    noted = [judgement for judgement in result.judgements if judgement.verdict != "within"]
    if len(noted) > MOST_RESULTS:
        noted = sorted(noted, key=lambda each: VERDICTS.index(each.verdict))[:MOST_RESULTS]
    rules = list(dict.fromkeys(_rule_id(judgement) for judgement in noted))
    meanings = {_rule_id(judgement): judgement.metric.meaning for judgement in noted}
    return json_text(
        {
            "$schema": _SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "mnet-cost",
                            "version": installed_version(),
                            "rules": [
                                {
                                    "id": rule,
                                    "shortDescription": {
                                        "text": f"{rule.partition('/')[0]}: {meanings[rule]}"
                                    },
                                    "defaultConfiguration": {"level": "error"},
                                }
                                for rule in rules
                            ],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "results": [_sarif_result(result, each, rules) for each in noted],
                }
            ],
        }
    )


def _rule_id(judgement: Judgement) -> str:
    return f"{_kind(judgement)}/{judgement.metric.name}"


def _kind(judgement: Judgement) -> str:
    return "budget" if judgement.before is None else "baseline"


def _sarif_result(
    result: CheckResult, judgement: Judgement, rules: Sequence[str]
) -> dict[str, Any]:
    places = _places(judgement)
    # Viewers make links of `[text](place)`.
    text = "\n".join(_lines(judgement)).replace("](", "] (")
    document: dict[str, Any] = {
        "ruleId": _rule_id(judgement),
        "ruleIndex": rules.index(_rule_id(judgement)),
        "level": _level(result, judgement, "note"),
        "message": {"text": text},
        "locations": [_location(place) for place in places[:1]],
        "partialFingerprints": {"budget/v1": _fingerprint(judgement)},
    }
    if places[1:]:
        document["relatedLocations"] = [
            {**_location(place), "message": {"text": "the limit, or the entry that costs most"}}
            for place in places[1:]
        ]
    return document


def _level(result: CheckResult, judgement: Judgement, least: str) -> str:
    """How a program shows it: what fails is an error."""
    if judgement.verdict in result.fail_on:
        return "error"
    return "warning" if judgement.verdict in ("over", "warn") else least


def _location(place: _Place) -> dict[str, Any]:
    relative = _relative(place.path)
    if relative is not None:
        artifact = {"uri": _quoted(relative), "uriBaseId": "%SRCROOT%"}
    else:
        whole = os.path.abspath(place.path).replace(os.sep, "/")
        artifact = {"uri": "file://" + _quoted(whole if whole.startswith("/") else f"/{whole}")}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": place.line}}}


def _quoted(path: str) -> str:
    """A path as a part of a URI, whatever bytes are in it."""
    from urllib.parse import quote

    try:
        data = os.fsencode(path)
    except UnicodeEncodeError:  # no file has that name
        data = printable(path).encode()
    return quote(data, safe="/")


def _fingerprint(judgement: Judgement) -> str:
    """What stays the same from one run to the next: which limit of which network it is."""
    import hashlib

    at = sorted(judgement.at.items())
    device = judgement.device.name if judgement.device is not None else ""
    path = _relative(judgement.spec.path) or os.path.basename(judgement.spec.path)
    about = (_rule_id(judgement), path, judgement.spec.title, at, judgement.precision, device,
             judgement.part)  # fmt: skip
    return hashlib.sha256(repr(about).encode("utf-8", "backslashreplace")).hexdigest()[:32]


# --- GitHub


def to_github(result: CheckResult) -> str:
    """Workflow commands: an annotation for each limit that is not kept; empty where all are."""
    lines = []
    noted = [judgement for judgement in result.judgements if judgement.verdict != "within"]
    for group in grouped(noted):
        judgement = group[0]
        properties: dict[str, Any] = {}
        for place in _places(judgement)[:1]:
            properties = {"file": _relative(place.path) or place.path, "line": place.line}
        about = metric_title(judgement) if len(group) == 1 else network_name(judgement)
        title = f"{about} is {judgement.verdict}"
        over = {"budget": " its limit", "baseline": " its baseline"}[_kind(judgement)]
        properties["title"] = f"{title}{over * (judgement.verdict == 'over')}"
        message = "\n".join([printable(group_sentence(group)), *_lines(judgement)[1:]])
        lines.append(_command(_level(result, judgement, "notice"), properties, message))
    return "\n".join(lines) + "\n" * bool(lines)


def _command(level: str, properties: Mapping[str, Any], message: str) -> str:
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """The message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")


def as_plain_output(text: str, token: str) -> str:
    """`text` between commands that keep the runner from taking a line of it for a command."""
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::\n"
