"""Fetch YuNet, the face detector, and check its digest."""

from pathlib import Path

from agegender.download.parameters import DownloadWeights
from agegender.yunet_weights.source import load_yunet
from stages.common.downloads import replace_download
from stages.common.stage import parameters, project_root, run

YUNET = Path("data/yunet/yunet.onnx")


def main() -> None:
    options = parameters("download_yunet").section("download_yunet", DownloadWeights)
    with replace_download("download_yunet", YUNET) as (folder, downloads):
        content = load_yunet(options.source, project_root(), downloads)
        (folder / YUNET.name).write_bytes(content)


if __name__ == "__main__":
    run(main)
