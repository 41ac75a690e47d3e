"""docs/staleness.md says what `dvc status` says."""

import pytest

from tools.staleness import PAGE, Row, page, rows


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    return rows(tmp_path_factory.mktemp("staleness"))


def test_the_page_is_true(tables: dict[str, list[Row]]) -> None:
    assert page(tables) == PAGE.read_text(), "run `make deps`"


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ("train_vgg16.dropout", {"train_vgg16", "report"}),
        ("split.test", {"split", "report"}),
        ("preprocess.shard_records", {"preprocess", "report"}),
        ("train_vgg16.unfreeze", {"embed_vgg16", "train_vgg16", "report"}),
        ("ruff", set()),
    ],
)
def test_exactly_these_rerun(tables: dict[str, list[Row]], change: str, stages: set[str]) -> None:
    assert set(_row(tables, change).reruns) == stages


@pytest.mark.parametrize("package", ["tensorflow", "keras"])
def test_the_networks_rerun_with_another_tensorflow(
    tables: dict[str, list[Row]], package: str
) -> None:
    networks = {"embed_vgg16", "train_custom", "train_vgg16", "evaluate@custom", "evaluate@vgg16"}
    row = _row(tables, package)
    assert networks <= set(row.reruns)
    assert not {"split", "report"} & set(row.reruns)


def test_a_figure_of_the_report_retrains_nothing(tables: dict[str, list[Row]]) -> None:
    for row in tables["A file of the project"]:
        if "agegender/report/page.html" in row.change:
            assert row.reruns == ("report",)
            return
    raise AssertionError("no row tells of the report's template")


def _row(tables: dict[str, list[Row]], change: str) -> Row:
    (row,) = (row for table in tables.values() for row in table if row.change == change)
    return row
