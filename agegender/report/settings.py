"""The table of parameters: what each is, by the comments of its file, and nothing private."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_LINE = re.compile(r"(?P<indent> *)(?P<name>\w+):[^#]*(?:#\s*(?P<comment>.*))?$")


class Setting(NamedTuple):
    """A parameter: its dotted name, its value as YAML has it, and its comment."""

    name: str
    value: str
    meaning: str


def settings(values: Mapping[str, Any], text: str) -> list[Setting]:
    """The parameters, one row each.

    Args:
        values: by name, sections as mappings.
        text: of the YAML file that holds them; the comment on a parameter's line is its meaning.
    """
    comments = dict(_comments(text))
    return [Setting(name, _written(value), comments.get(name, "")) for name, value in _flat(values)]


def redacted(source: str) -> str:
    """Where something comes from, without folders, accounts and signatures.

    Of a path, the last part; of an address, the host and the last part of its path.
    """
    if "://" in source:
        address = urlsplit(source)
        last = address.path.rstrip("/").rpartition("/")[2]
        return " … ".join(filter(None, (address.hostname, last)))
    return re.split(r"[/\\]", source.rstrip("/\\"))[-1]


def _comments(text: str) -> Iterator[tuple[str, str]]:
    path: list[str] = []
    for line in text.splitlines():
        if match := _LINE.match(line):
            path = [*path[: len(match["indent"]) // 2], match["name"]]
            yield ".".join(path), match["comment"] or ""


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _written(value: Any) -> str:
    if isinstance(value, list) and value:
        return ", ".join(map(_written, value))
    if isinstance(value, str):
        return redacted(value)
    return json.dumps(value)
