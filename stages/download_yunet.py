"""Fetch YuNet, the face detector, and check its digest."""

from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.files import replace_folder
from agegender.download.fetch import describe_saved
from agegender.download.manifest import refuse_other_files
from agegender.yunet_weights.parameters import DownloadYunet
from agegender.yunet_weights.source import load_yunet
from stages.common.stage import parameters, project_root, record_time, run, when_interrupted

YUNET = Path("data/yunet")


def main() -> None:
    options = parameters("download_yunet").section("download_yunet", DownloadYunet)
    root = project_root()
    downloads = root / "progress/download_yunet"
    when_interrupted(lambda: describe_saved(downloads))

    with replace_folder(YUNET) as folder:
        try:
            content = load_yunet(options.source, root, downloads)
        except UserError as error:
            raise UserError(f"download_yunet.source: {error}") from None
        (folder / "yunet.onnx").write_bytes(content)
        refuse_other_files(YUNET, ["yunet.onnx"])
    record_time("download_yunet", YUNET / "yunet.onnx")


if __name__ == "__main__":
    run(main)
