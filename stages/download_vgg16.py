"""Fetch VGG16's ImageNet weights and check their digest."""

from pathlib import Path

from agegender.download.parameters import DownloadWeights
from agegender.download.weights import load_weights
from agegender.vgg16_weights.formats import write
from agegender.vgg16_weights.source import imagenet_weights
from stages.common.downloads import replace_download
from stages.common.stage import parameters, project_root, run

OUTPUT = Path("data/vgg16/vgg16.npz")


def main() -> None:
    options = parameters("download_vgg16").section("download_vgg16", DownloadWeights)
    with replace_download("download_vgg16", OUTPUT) as (folder, downloads):
        weights = load_weights(imagenet_weights(), options.source, project_root(), downloads)
        write(folder / OUTPUT.name, weights)


if __name__ == "__main__":
    run(main)
