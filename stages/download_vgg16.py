"""Fetch VGG16's ImageNet weights and check their digest."""

from pathlib import Path

from agegender.dataset.replacing import replace_folder
from agegender.dataset.resumable import described
from agegender.dataset.vgg16_source import obtain
from agegender.dataset.vgg16_weights import write
from agegender.errors import UserError
from agegender.parameters.download_vgg16 import DownloadVgg16
from stages.common import parameters, project_root, record_time, run, when_interrupted

VGG16 = Path("data/vgg16")


def main() -> None:
    options = parameters("download_vgg16").section("download_vgg16", DownloadVgg16)
    root = project_root()
    when_interrupted(lambda: described(root / "progress/download_vgg16"))

    with replace_folder(VGG16) as folder:
        try:
            weights = obtain(options.source, root, root / "progress/download_vgg16")
        except UserError as error:
            raise UserError(f"download_vgg16.source: {error}") from None
        write(folder / "vgg16.npz", weights)
    record_time("download_vgg16", VGG16 / "vgg16.npz")


if __name__ == "__main__":
    run(main)
