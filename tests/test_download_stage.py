"""The stages download and download_vgg16, and DVC around them."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import stages.download
import stages.download_vgg16
from agegender.common.errors import UserError
from agegender.download.manifest import read_manifest
from stages.common.stage import Parameters
from tests.clones import Clone
from tests.web_server import Web, content, running

GOOD = "30_0_1_20170101000000000.jpg"
Stage = Callable[..., None]


@pytest.fixture
def web() -> Iterator[Web]:
    with running() as server:
        yield server


@pytest.fixture
def download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The stage, run in a folder that DVC would make for an experiment of the folder ``user``."""
    for name in ("user", "experiment"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "experiment")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def run(source: str, sha256: str | None = None, images: int = 12) -> None:
        section = {"source": source, "sha256": sha256, "sample_images": images}
        declared = Parameters("download", {"seed": 1, "download": section})
        monkeypatch.setattr(stages.download, "parameters", lambda name: declared)
        stages.download.main()

    return run


def make_zip(path: Path, names: tuple[str, ...] = (GOOD,)) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, name)
    return path.read_bytes()


def raw_files(folder: str = "data/raw") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_samples_are_drawn(download: Stage) -> None:
    download("sample")
    listed = {entry.file for entry in read_manifest(Path("data/raw"))}
    assert listed | {"manifest.csv"} == raw_files().keys()
    assert len(listed) >= 12


def test_paths_are_those_of_the_users_project(download: Stage, tmp_path: Path) -> None:
    make_zip(tmp_path / "user" / "faces.zip", (f"x/{GOOD}", "notes.txt"))
    (tmp_path / "user" / "folder" / "a").mkdir(parents=True)
    (tmp_path / "user" / "folder" / "a" / GOOD).write_bytes(b"x")
    make_zip(tmp_path / "home" / "faces.zip")
    for source in ("faces.zip", "folder", "~/faces.zip", "../home/faces.zip"):
        download(source)
        assert raw_files().keys() == {GOOD, "manifest.csv"}
    with pytest.raises(UserError, match="a sha256 can be that of an archive only"):
        download("folder", "0" * 64)


def test_an_address(download: Stage, tmp_path: Path, web: Web) -> None:
    body = make_zip(tmp_path / "faces.zip")
    web.answers = [content(body)]
    download(web.address(), hashlib.sha256(body).hexdigest())
    assert GOOD in raw_files()
    assert not (tmp_path / "user" / "progress" / "download").exists()


def test_a_useless_archive_is_not_kept_for_the_next_run(
    download: Stage, tmp_path: Path, web: Web
) -> None:
    useless, good = make_zip(tmp_path / "1.zip", ("a.txt",)), make_zip(tmp_path / "2.zip")
    web.answers = [content(useless)]
    with pytest.raises(UserError, match=rf"download\.source: {web.address()} holds no image"):
        download(web.address())
    # Even where the server takes the one for the other.
    web.answers = [content(good)]
    with pytest.raises(UserError, match=r"has the sha256 .*, not 000"):
        download(web.address(), "0" * 64)
    download(web.address(), hashlib.sha256(good).hexdigest())
    assert GOOD in raw_files()


@pytest.mark.parametrize(
    ("source", "sha256", "words"),
    [
        ("missing.zip", None, "no file or folder"),
        ("broken.zip", None, "no zip and no tar"),
        ("empty.zip", None, "holds no image"),
        ("good.zip", "0" * 64, "has the sha256"),
        ("ftp://example.org/x.zip", None, "only http and https"),
        ("http://[::1", None, "no address"),
        ("~nobody-of-this-name/x", None, "no file or folder"),
        ("\0", None, "no file or folder"),
        ("..", None, "contains the folder"),
    ],
)
def test_a_mistake_leaves_earlier_photos_alone(
    download: Stage, tmp_path: Path, source: str, sha256: str | None, words: str
) -> None:
    user = tmp_path / "user"
    make_zip(user / "good.zip")
    make_zip(user / "empty.zip", ("a.txt",))
    (user / "broken.zip").write_bytes(b"hello")
    download("good.zip")
    before = raw_files()
    with pytest.raises(UserError, match=r"^download\.source: ") as caught:
        download(source, sha256)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert raw_files() == before
    assert os.listdir("data") == ["raw"]


def test_vgg16s_weights_are_not_lost_by_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    section = {"download_vgg16": {"source": "missing.h5"}}
    monkeypatch.setattr(stages.download_vgg16, "parameters", lambda name: Parameters(name, section))
    Path("data/vgg16").mkdir(parents=True)
    Path("data/vgg16/vgg16.npz").write_bytes(b"earlier")
    with pytest.raises(UserError, match=r"^download_vgg16\.source: there is no file"):
        stages.download_vgg16.main()
    assert Path("data/vgg16/vgg16.npz").read_bytes() == b"earlier"


def test_dvc_keeps_earlier_photos_when_the_stage_fails(project: Clone) -> None:
    earlier = project.path / "data/raw" / GOOD
    earlier.parent.mkdir()
    earlier.write_bytes(b"earlier")
    project.set_parameters(download={"source": "../missing.zip"})
    printed = project.dvc("repro", "download", fails=True)
    assert "error: download.source: there is no file or folder" in printed
    assert "Traceback" not in printed
    assert raw_files(str(earlier.parent)) == {GOOD: b"earlier"}
