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
from agegender.preparation.names import parse
from stages.common.stage import Parameters
from tests.web_server import Web, content, running
from tools.clones import Clone

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


def digests(folder: str = "data/raw") -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).iterdir()
    }


def test_samples_are_drawn(download: Stage) -> None:
    download("sample")
    entries = list(read_manifest(Path("data/raw")))
    assert {entry.file for entry in entries} | {"manifest.csv"} == digests().keys()
    assert sum(not isinstance(parse(entry.file), str) for entry in entries) >= 10
    first = digests()
    download("sample")
    assert digests() == first


def test_relative_paths_begin_at_the_users_project(download: Stage, tmp_path: Path) -> None:
    make_zip(tmp_path / "user" / "faces.zip", (f"x/{GOOD}", "notes.txt"))
    download("faces.zip")
    assert digests().keys() == {GOOD, "manifest.csv"}
    assert [entry.reason for entry in read_manifest(Path("data/raw"))] == [
        "not an image by its extension",
        "",
    ]
    make_zip(tmp_path / "other.zip")
    download("../other.zip")


def test_a_tilde_is_home(download: Stage, tmp_path: Path) -> None:
    make_zip(tmp_path / "home" / "faces.zip")
    download("~/faces.zip")
    assert GOOD in digests()


def test_a_folder(download: Stage, tmp_path: Path) -> None:
    (tmp_path / "user" / "faces" / "a").mkdir(parents=True)
    (tmp_path / "user" / "faces" / "a" / GOOD).write_bytes(b"x")
    download("faces")
    assert GOOD in digests()
    with pytest.raises(UserError, match="a sha256 can be that of an archive only"):
        download("faces", "0" * 64)


def test_an_address(download: Stage, tmp_path: Path, web: Web) -> None:
    body = make_zip(tmp_path / "faces.zip")
    web.answers = [content(body)]
    download(web.address(), hashlib.sha256(body).hexdigest())
    assert GOOD in digests()
    assert not (tmp_path / "user" / "progress" / "download").exists()


def test_an_archive_of_no_use_is_not_kept_for_the_next_run(
    download: Stage, tmp_path: Path, web: Web
) -> None:
    web.answers = [content(make_zip(tmp_path / "1.zip", ("a.txt",)))]
    with pytest.raises(UserError, match=rf"download\.source: {web.address()} holds no image"):
        download(web.address())
    web.answers = [content(make_zip(tmp_path / "2.zip"))]
    download(web.address())
    assert web.ranges() == ["", ""]


def test_a_download_goes_on_after_the_stage_was_stopped(
    download: Stage, tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    web.answers = [content(make_zip(tmp_path / "1.zip"))]
    with monkeypatch.context() as patch:
        patch.setattr("agegender.download.source.unpack", stop)
        with pytest.raises(KeyboardInterrupt):
            download(web.address())
    download(web.address())
    assert web.ranges() == ["", f"bytes={len(make_zip(tmp_path / '1.zip'))}-"]
    assert os.listdir("data") == ["raw"]


@pytest.mark.parametrize(
    ("source", "sha256", "words"),
    [
        ("missing.zip", None, "no file or folder"),
        ("broken.zip", None, "no zip and no tar"),
        ("empty.zip", None, "holds no image"),
        ("good.zip", "0" * 64, "has the sha256"),
        ("ftp://example.org/x.zip", None, "only http and https"),
        ("http://[::1", None, "no address"),
        ("~nobody-of-this-name/x", None, "a user who does not exist"),
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
    before = digests()
    with pytest.raises(UserError, match=r"^download\.source: ") as caught:
        download(source, sha256)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert digests() == before
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
    make_zip(project.path.parent / "faces.zip")
    project.set_parameters(download={"source": "../faces.zip"})
    project.dvc("repro", "download")
    raw = str(project.path / "data/raw")
    before = digests(raw)
    assert GOOD in before
    project.set_parameters(download={"source": "../missing.zip"})
    printed = project.dvc("repro", "download", fails=True)
    assert "error: download.source: there is no file or folder" in printed
    assert "Traceback" not in printed
    assert digests(raw) == before
