"""Draw the sample photos, or fetch and unpack the user's or UTKFace's own; read their labels."""

from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.archive import list_files
from agegender.download.labeling import label_by_names
from agegender.download.manifest import write_manifest
from agegender.download.parameters import Download
from agegender.download.paths import local_file
from agegender.download.source import fetch_photos
from portraits.archive import draw_samples
from stages.common.downloads import replace_download
from stages.common.stage import parameters, project_root, run

MANIFEST = Path("data/raw/manifest.csv")


def main() -> None:
    declared = parameters("download")
    options = declared.section("download", Download)
    root = project_root()
    table = label_table(options.labels, root) if options.labels else None
    with replace_download("download", MANIFEST) as (folder, downloads):
        if options.source == "sample":
            draw_samples(folder, options.sample_images, declared["seed"])
            entries = label_by_names(list_files(folder))
        else:
            entries = fetch_photos(options.source, folder, root, downloads, options.sha256, table)
        write_manifest(folder, entries)
    files = [entry for entry in entries if not entry.is_row]
    kept = sum(1 for entry in files if not entry.reason)
    print(f"{len(files)} files: {kept} kept, {len(files) - kept} rejected ({MANIFEST})")


def label_table(path: str, root: Path) -> Path:
    """Where download.labels lies.

    Raises:
        UserError: there is no such file.
    """
    try:
        return local_file(path, root)
    except UserError as error:
        raise UserError(f"download.labels: {error}") from None


if __name__ == "__main__":
    run(main)
