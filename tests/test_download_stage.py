"""The stages download and download_vgg16, and DVC around them."""

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import yaml

import stages.download
import stages.download_vgg16
from agegender.common.errors import UserError
from agegender.download.manifest import read_manifest
from cli.check import check_files
from cli.parameters import Document
from stages.common.stage import Parameters
from tests.clones import ROOT, Clone
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
        section = {"source": source, "labels": None, "sha256": sha256, "sample_images": images}
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
    # Nor is a file of the user's.
    Path("data/vgg16/mine.h5").write_bytes(b"mine")
    monkeypatch.setattr(stages.download_vgg16, "load_weights", lambda *arguments: {})
    monkeypatch.setattr(stages.download_vgg16, "write", lambda path, weights: None)
    with pytest.raises(UserError, match=r"^data/vgg16/mine\.h5 is not as the pipeline wrote it"):
        stages.download_vgg16.main()
    assert Path("data/vgg16/mine.h5").read_bytes() == b"mine"


@pytest.mark.long
def test_dvc_keeps_earlier_photos_when_the_stage_fails(project: Clone) -> None:
    make_zip(project.path / "data/mine.zip")
    project.run("python", "-m", "agegender", "source", "data/mine.zip")
    project.dvc("repro", "download")
    raw = str(project.path / "data/raw")
    before = raw_files(raw)
    assert GOOD in before
    project.set_parameters(download={"source": "../missing.zip"})
    printed = project.dvc("repro", "download", fails=True)
    assert "error: download.source: there is no file or folder" in printed
    assert "Traceback" not in printed
    assert raw_files(raw) == before
    # Nor are any lost that the user has put there, whatever the source is.
    project.set_parameters(download={"source": "sample"})
    for name, mine, command in (
        ("31.jpg", b"mine", ("dvc", "repro", "download")),
        (GOOD, b"retouched", ("python", "-m", "agegender", "check")),
    ):
        Path(raw, name).write_bytes(mine)
        printed = project.run(*command, fails=True)
        assert f"error: data/raw/{name} is not as the pipeline wrote it" in printed
        assert raw_files(raw) == before | {name: mine}
        Path(raw, name).rename(project.path / name)


SOURCES = [
    *("data/raw/mine", "data/raw", "data", ".", "..", "../link", "./models/../data/raw/mine"),
    *("data/split/mine", "data/raw.partial/mine", "plots/mine", "models/mine.zip", "progress"),
    *("data/tfrecords/mine", "../elsewhere/mine", "{root}/data/raw/mine", "../loop/data/raw"),
]


def test_a_source_where_the_pipeline_clears_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    for folder in ("elsewhere", "root/data/raw/mine", "root/data/split", "root/data/raw.partial"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("root/plots", "root/models", "root/progress"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link").symlink_to(root / "data/raw/mine")
    (tmp_path / "loop").symlink_to(root)
    (root / "data/tfrecords").symlink_to(tmp_path / "elsewhere")
    (root / "dvc.yaml").symlink_to(ROOT / "dvc.yaml")
    monkeypatch.chdir(root)
    defaults = (ROOT / "params.yaml").read_text()
    for source, name in product(SOURCES, ("download", "download_vgg16", "download_yunet")):
        given = source.format(root=root)
        changed = yaml.safe_load(defaults)
        changed[name]["source"] = given
        with pytest.raises(UserError, match="clears up; move your files elsewhere") as caught:
            check_files(Document.parse(changed))
        assert str(caught.value).startswith(f"params.yaml: {name}.source: {given} ")


def test_dvc_removes_nothing_before_a_source_is_refused(project: Clone) -> None:
    mine = project.path / "data/split/mine" / GOOD
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    project.set_parameters(download={"source": "data/split/mine"})
    assert "data/split/mine lies in " in project.dvc("repro", fails=True)
    assert mine.read_bytes() == b"mine"


def test_a_source_is_recorded_without_quoting(project: Clone, tmp_path: Path) -> None:
    """By make, as users give it."""
    before = (project.path / "params.yaml").read_text()
    name = "my [faces], ä=1 {x} # ~ 'it\"s'.zip"
    make_zip(tmp_path / name)
    (project.path / ".venv/bin").mkdir(parents=True)
    for program, line in (
        ("python", f'exec {sys.executable} "$@"'),
        ("dvc", "echo dvc $*; exit 1"),
    ):
        path = project.path / ".venv/bin" / program
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    (project.path / ".venv/installed").touch()
    (project.path / "versions.yaml").touch()
    printed = project.run("make", "repro", f"SOURCE={tmp_path / name}", fails=True)
    assert "dvc repro" in printed
    text = (project.path / "params.yaml").read_text()
    assert yaml.safe_load(text)["download"]["source"] == str(tmp_path / name)
    changed = [line for line in text.splitlines() if line not in before.splitlines()]
    assert len(changed) == 1 and "# sample, utkface, or a path" in changed[0]
    assert "download.source" in project.run(sys.executable, "-m", "dvc", "params", "diff")
    # A mistake leaves params.yaml as it is.
    assert "no file or folder" in project.run("make", "repro", "SOURCE=missing", fails=True)
    assert (project.path / "params.yaml").read_text() == text
    shutil.rmtree(project.path / ".git")
    assert "error: this folder is not a git repository" in project.run("make", "repro", fails=True)
