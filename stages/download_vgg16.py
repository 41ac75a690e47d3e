"""Fetch VGG16's ImageNet weights and check their digest."""

from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.files import replace_folder
from agegender.download.fetch import describe_saved
from agegender.download.manifest import refuse_other_files
from agegender.vgg16_weights.formats import write
from agegender.vgg16_weights.parameters import DownloadVgg16
from agegender.vgg16_weights.source import load_imagenet_weights
from stages.common.stage import parameters, project_root, record_time, run, when_interrupted

VGG16 = Path("data/vgg16")


def main() -> None:
    options = parameters("download_vgg16").section("download_vgg16", DownloadVgg16)
    root = project_root()
    downloads = root / "progress/download_vgg16"
    when_interrupted(lambda: describe_saved(downloads))

    with replace_folder(VGG16) as folder:
        try:
            weights = load_imagenet_weights(options.source, root, downloads)
        except UserError as error:
            raise UserError(f"download_vgg16.source: {error}") from None
        write(folder / "vgg16.npz", weights)
        refuse_other_files(VGG16, ["vgg16.npz"])
    record_time("download_vgg16", VGG16 / "vgg16.npz")


if __name__ == "__main__":
    run(main)
