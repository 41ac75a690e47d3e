"""Fetch YuNet, the face detector, and check its digest."""

from pathlib import Path

from agegender.download.parameters import DownloadWeights
from agegender.download.weights import load_weights
from agegender.yunet_weights.source import YUNET
from stages.common.downloads import replace_download
from stages.common.stage import parameters, project_root, run

OUTPUT = Path("data/yunet/yunet.onnx")


def main() -> None:
    options = parameters("download_yunet").section("download_yunet", DownloadWeights)
    with replace_download("download_yunet", OUTPUT) as (folder, downloads):
        content = load_weights(YUNET, options.source, project_root(), downloads)
        (folder / OUTPUT.name).write_bytes(content)


if __name__ == "__main__":
    run(main)
