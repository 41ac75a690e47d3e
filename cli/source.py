"""``python -m agegender source``: where the photos come from, written to params.yaml."""

import argparse

from ruamel.yaml import YAML

from agegender.common.files import atomic_write
from agegender.download.paths import local_path
from cli.check import check_files
from cli.parameters import PARAMETERS, parse, read_parameters
from stages.common.stage import project_root


def source(arguments: argparse.Namespace) -> None:
    """Write a path to params.yaml as download.source; all else there stays as it is.

    Raises:
        UserError: params.yaml with it would be rejected, or there is no such file or folder.
    """
    path = arguments.path
    if read_parameters().download.source == path:
        return
    editor = YAML()
    editor.preserve_quotes, editor.width = True, 2**20
    editor.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
    )
    values = editor.load(PARAMETERS.read_text(encoding="utf-8"))
    values["download"]["source"] = path
    check_files(parse(values))
    if path not in ("sample", "utkface") and "://" not in path:
        local_path(path, project_root())
    with atomic_write(PARAMETERS) as temporary, temporary.open("w", encoding="utf-8") as file:
        editor.dump(values, file)
