"""Draw the sample photos, or fetch and unpack the user's or UTKFace's own."""

from pathlib import Path

from agegender.dataset.archive import list_files
from agegender.dataset.manifest import write_manifest
from agegender.dataset.replacing import replace_folder
from agegender.dataset.resumable import described
from agegender.dataset.sample.archive import draw_samples
from agegender.dataset.source import gather
from agegender.errors import UserError
from agegender.parameters.download import Download
from stages.common import parameters, project_root, record_time, run, when_interrupted

RAW = Path("data/raw")


def main() -> None:
    declared = parameters("download")
    options = declared.section("download", Download)
    root = project_root()
    when_interrupted(lambda: described(root / "progress/download"))

    with replace_folder(RAW) as folder:
        if options.source == "sample":
            draw_samples(folder, options.sample_images, declared["seed"])
            entries = list_files(folder)
        else:
            try:
                entries = gather(
                    options.source, folder, root, root / "progress/download", options.sha256
                )
            except UserError as error:
                raise UserError(f"download.source: {error}") from None
        write_manifest(folder, entries)
    kept = sum(1 for entry in entries if entry.file)
    record_time("download", RAW / "manifest.csv")
    print(f"{len(entries)} files: {kept} kept, {len(entries) - kept} refused ({RAW}/manifest.csv)")


if __name__ == "__main__":
    run(main)
