"""Files and folders written whole or not at all, and folders for unfinished work."""

import os
from pathlib import Path

import pytest

from agegender.common.files import atomic_write, replace_folder
from agegender.common.resumable import resumable_folder


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "new" / "file"
    for content in ("old", "new"):
        with atomic_write(path, sync) as temporary:
            temporary.write_text(content)
        with pytest.raises(ZeroDivisionError), atomic_write(path, sync) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError
        assert path.read_text() == content
        assert os.listdir(path.parent) == ["file"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "raw"
    for name in ("old", "new"):
        with replace_folder(folder) as new:
            (new / name).touch()
        with pytest.raises(ZeroDivisionError), replace_folder(folder) as new:
            (new / "half").touch()
            raise ZeroDivisionError
        assert os.listdir(folder) == [name]
        assert os.listdir(folder.parent) == ["raw"]


def test_what_a_kill_left_of_a_replacement_is_repaired(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    for name in ("raw.partial", "raw.previous"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with pytest.raises(ZeroDivisionError), replace_folder(folder) as new:
        assert os.listdir(new) == []
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["raw"]
    assert os.listdir(folder) == ["raw.previous"]


def test_a_resumable_folder_stays_until_its_work_is_done(tmp_path: Path) -> None:
    parent = tmp_path / "progress"
    with pytest.raises(ZeroDivisionError), resumable_folder(parent, "stale") as stale:
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), resumable_folder(parent, "a") as first:
        (first / "part").touch()
        raise ZeroDivisionError
    with resumable_folder(parent, "a") as again:
        assert again == first
        assert (again / "part").exists()
        with resumable_folder(parent, "a") as second, resumable_folder(parent, "b") as other:
            assert len({again, second, other}) == 3
        # Left-over work of others goes unless they are at it.
        assert not stale.exists()
        assert again.exists()
    assert not parent.exists()
