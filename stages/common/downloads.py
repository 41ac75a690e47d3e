"""What the stages that download have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.files import replace_folder
from agegender.download.fetch import describe_saved
from agegender.download.manifest import refuse_other_files
from stages.common.stage import project_root, record_time, when_interrupted


@contextmanager
def replace_download(stage: str, output: Path) -> Iterator[tuple[Path, Path]]:
    """Replace the folder of ``output`` when the work on it has succeeded.

    Yields:
        an empty folder for ``output`` and what lies next to it, and the one in which unfinished
        downloads wait for the next run.

    Raises:
        UserError: the work fails, or there are files of the user's in the folder.
    """
    downloads = project_root() / "progress" / stage
    when_interrupted(lambda: describe_saved(downloads))
    with replace_folder(output.parent) as folder:
        try:
            yield folder, downloads
        except UserError as error:
            raise UserError(f"{stage}.source: {error}") from None
        refuse_other_files(output.parent, [output.name])
    record_time(stage, output)
