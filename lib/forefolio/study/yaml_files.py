"""Params files: flat YAML, read into a validated `Study` and written from one."""

from pathlib import Path
from typing import Any

import yaml

from forefolio.study.parameters import PATHS, ROOT, Study, StudyError, as_parameters, validated


class _Loader(yaml.SafeLoader):
    """YAML without Python objects, and with a key at most once."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", node.start_mark)
    return loader.construct_mapping(node)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _yaml(text: str, *, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that no calendar has, a thousand brackets
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise StudyError(f"{where}{line}: not plain YAML ({getattr(error, 'problem', None) or error}); "
                         "write one `name: value` a line") from None


def read_mapping(path: str | Path) -> dict[str, Any]:
    """The names and values in a YAML file; a StudyError where it cannot be read or holds none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StudyError(f"{path}: cannot be read ({reason}); name a params file such as params/default.yml") from None
    values = _yaml(text, where=str(path))
    if not isinstance(values, dict | None):
        raise StudyError(f"{path}: holds a {type(values).__name__}, not parameters; write one `name: value` a line")
    return values or {}


def load(path: str | Path, overrides: tuple[str, ...] = ()) -> Study:
    """Read a params file, apply `key=value` overrides, and validate the result.

    Parameters
    ----------
    path : a flat YAML file; names that it leaves out have their defaults.
    overrides : `key=value` each, the value in YAML; relative paths in them are relative to the current folder,
        those in the file to the repository root.
    """
    values, where = located(read_mapping(path)), str(path)
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise StudyError(f"--set {override}: has no '='; write --set name=value")
        values |= located({name: _yaml(text, where=f"--set {override}")}, Path.cwd())
        where = f"{path} with --set"
    return validated(values, where=where)


def located(values: dict[str, Any], folder: Path = ROOT) -> dict[str, Any]:
    """Values in which paths are absolute; relative ones are relative to a folder, in a file to the repository's root."""
    return values | {name: str(folder / values[name]) for name in PATHS
                     if isinstance(values.get(name), str) and values[name]}


def as_yaml(study: Study) -> str:
    """The resolved study as a params file."""
    return yaml.safe_dump(as_parameters(study), sort_keys=False, allow_unicode=True, default_flow_style=None)
