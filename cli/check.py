"""``python -m agegender check``: mistakes are found before any long work starts."""

import argparse
from operator import attrgetter
from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.manifest import refuse_other_files
from agegender.download.paths import refuse_written
from agegender.preparation.parameters import Split
from agegender.preparation.protocol import read_protocol
from cli.parameters import PARAMETERS, Document, read_parameters, read_yaml
from stages.common.stage import project_root

# Parameters that are paths of the user's.
PATHS = (
    "download.source",
    "download.labels",
    "download_vgg16.source",
    "download_yunet.source",
    "split.file",
)
# Of each folder that DVC does not clear before its stage, the file that the stage writes there.
REPLACED = ("data/raw/manifest.csv", "data/vgg16/vgg16.npz", "data/yunet/yunet.onnx")


def check(arguments: argparse.Namespace) -> None:
    """Check all of params.yaml, and that no file of the user's would be lost.

    Raises:
        UserError: a parameter is wrong, a split cannot be followed, or a file would be lost.
    """
    document = read_parameters()
    check_files(document)
    check_protocol(document.split)
    print(
        f"{PARAMETERS}: all parameters are valid, split.file can be followed, and no file of yours "
        "lies where the pipeline clears up"
    )


def check_files(document: Document) -> None:
    """Make sure that no file of the user's is where stages, or DVC before them, clear up.

    Raises:
        UserError: there is one.
    """
    root, written = project_root(), {"progress"}
    for block in read_yaml(Path("dvc.yaml"))["stages"].values():
        for out in [*block.get("outs", []), *block.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            # In data/ users may keep theirs, too.
            top = path.partition("/")[0]
            written |= {path, f"{path}.partial", f"{path}.previous"} if top == "data" else {top}
    for name in PATHS:
        given = attrgetter(name)(document)
        try:
            if given is not None:
                refuse_written(given, root, [root / each for each in sorted(written)])
        except UserError as error:
            raise UserError(f"{PARAMETERS}: {name}: {error}") from None
    for path in map(Path, REPLACED):
        # The second is what a kill may leave.
        for folder in (path.parent, path.parent.with_name(f"{path.parent.name}.previous")):
            refuse_other_files(folder, [path.name])


def check_protocol(options: Split) -> None:
    """Make sure that split.file can be followed.

    Raises:
        UserError: it cannot be read, or is something else, or a cross-validation is wanted, too.
    """
    try:
        protocol = read_protocol(Path(options.file))
    except UserError as error:
        raise UserError(f"{PARAMETERS}: split.file: {error}") from None
    if protocol and options.folds:
        raise UserError(
            f"{PARAMETERS}: split.file fixes the test split, and split.folds={options.folds} draws "
            "it; set split.folds to 0, or split.file to recipes/random-split.csv"
        )
