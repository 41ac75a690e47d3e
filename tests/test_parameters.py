"""params.yaml: what is rejected and with which words; stages read only what they declare."""

import operator
import re
from argparse import Namespace
from typing import Any

import pytest
import yaml
from dvc.utils.flatten import flatten, unflatten
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.common.parameters import RENAMED
from cli.parameters import Document
from cli.recipe import recipe
from tests.clones import ROOT, Clone

TEXT = (ROOT / "params.yaml").read_text()
DEFAULTS: dict[str, Any] = yaml.safe_load(TEXT)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def changed(name: str, value: Any) -> dict[str, Any]:
    """The defaults with another value of the parameter of this dotted name."""
    document: dict[str, Any] = yaml.safe_load(TEXT)
    *sections, key = name.split(".")
    place = document
    for section in sections:
        place = place[section]
    place[key] = value
    return document


def leaves() -> list[str]:
    """The dotted name of every parameter."""
    return list(flatten(DEFAULTS))


def test_the_defaults_are_valid() -> None:
    assert Document.parse(DEFAULTS).model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train_vgg16.epochs", -1, "'train_vgg16.epochs' is -1, but should be greater than"),
        ("train_vgg16.epochs", "ten", "'train_vgg16.epochs' is 'ten', but should be a valid int"),
        ("train_vgg16.epochs", 1.5, "'train_vgg16.epochs' is 1.5, but should be a valid integer"),
        ("train_vgg16.epochs", True, "'train_vgg16.epochs' is True, but should be a valid integer"),
        ("train_custom.dropout", 1.0, "'train_custom.dropout' is 1.0, but should be less than 1"),
        ("train_custom.dropuot", 0.1, "'train_custom.dropuot' is unknown; known here: age_"),
        ("trainvgg16", {}, "'trainvgg16' is unknown; known here: align, download,"),
        ("train_vgg16.unfreeze", "block9", "should be 'none', 'block5'"),
        ("train_custom.filters", [], "'train_custom.filters' is [], but"),
        ("train_custom.filters", [8, 0], "'train_custom.filters.1' is 0, but"),
        ("tasks", ["gender", "gender"], "each task may be listed once"),
        ("tasks", ["race"], "'tasks.0' is 'race', but should be 'gender' or 'age'"),
        ("image_size", 31, "'image_size' is 31, but should be greater than or equal to 32"),
        ("split.test", 0.95, "'split': validation and test together should be less"),
        ("split.folds", 1, "'split': folds should be 0, for none, or at least 2"),
        ("split.fold", 1, "'split': fold should be less than folds, which is 0"),
        ("train_vgg16.warmup_epochs", 1, "'train_vgg16': warmup_epochs needs schedule: cosine"),
        ("download.sha256", "abc", "'download.sha256' is 'abc', but"),
        ("split", 3, "'split'"),
    ],
)
def test_a_mistake_is_reported_in_one_line(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        Document.parse(changed(name, value))
    assert "\n" not in str(caught.value)


def test_a_missing_parameter_is_named() -> None:
    for name in leaves():
        values = flatten(DEFAULTS)
        del values[name]
        with pytest.raises(UserError) as caught:
            Document.parse(unflatten(values))
        # Without its only parameter, a section is missing.
        assert str(caught.value) in (f"'{name}' is missing", f"'{name.split('.')[0]}' is missing")


def test_a_renamed_parameter_is_rejected_with_its_new_name() -> None:
    values = flatten(DEFAULTS)
    renamed = []
    for name in leaves():
        section, _, key = name.rpartition(".")
        for old, new in RENAMED.items():
            if key == new:
                values[f"{section}.{old}"] = values.pop(name)
                renamed.append(f"{section}: '{old}' is now '{new}'")
    assert "train_custom: 'average_decay' is now 'ema_momentum'" in renamed
    assert {line.split("'")[1] for line in renamed} == set(RENAMED)
    with pytest.raises(UserError) as caught:
        Document.parse(unflatten(values))
    assert sorted(str(caught.value).split("; ")) == sorted(renamed)


@pytest.mark.parametrize(("choosing", "value"), [("restore_best_weights", True), ("patience", 3)])
def test_nothing_chooses_by_photos_that_are_trained_on(choosing: str, value: Any) -> None:
    document = changed("train_on", "train+validation")
    Document.parse(document)
    document["train_vgg16"][choosing] = value
    with pytest.raises(UserError, match=r"train_vgg16\.patience choose by the validation photos"):
        Document.parse(document)


def test_every_mistake_is_reported_at_once() -> None:
    document = changed("seed", "x") | {"image_size": 1}
    with pytest.raises(UserError, match=r"'seed'.*'image_size'"):
        Document.parse(document)


@settings(deadline=None)
@given(ANYTHING)
def test_whatever_the_file_holds_it_is_accepted_or_rejected(document: Any) -> None:
    with pytest.raises(UserError):
        Document.parse(document)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(leaves()), ANYTHING)
def test_whatever_a_parameter_is_it_is_accepted_or_rejected(name: str, value: Any) -> None:
    try:
        accepted = Document.parse(changed(name, value))
    except UserError as error:
        assert name.split(".")[0] in str(error)
    else:
        assert operator.attrgetter(name)(accepted) == value


def test_params_yaml_says_what_each_parameter_is_for() -> None:
    lines = [line for line in TEXT.splitlines() if re.match(r" *\w+: *[^ #]", line)]
    assert len(lines) == len(leaves())
    assert [line for line in lines if not re.search(r"# \w+", line)] == []


SPLIT = """
from stages.common.stage import parameters, run


def main() -> None:
    declared = parameters("split")
    print(declared["split.test"], flush=True)
    print(declared["train_vgg16.epochs"])


if __name__ == "__main__":
    run(main)
"""


def test_a_stage_reads_what_it_declares_and_no_more(project: Clone) -> None:
    (project.path / "stages/split.py").write_text(SPLIT)
    read, error = project.run("python", "-m", "stages.split", fails=True).splitlines()
    assert read == str(DEFAULTS["split"]["test"])
    assert error.startswith(
        "error: dvc.yaml: stage 'split' reads the parameter 'train_vgg16.epochs' without"
    )


@pytest.mark.long
def test_a_recipe_is_one_command_of_dvc(project: Clone) -> None:
    best = yaml.safe_load((ROOT / "recipes/best.yaml").read_text())
    options = project.run("python", "-m", "agegender", "recipe", "best").split()
    # DVC writes the parameters, and the stage stops for want of the photos.
    project.dvc("exp", "run", *options, "-S", "download.source=nowhere", "download", fails=True)
    written = flatten(yaml.safe_load((project.path / "params.yaml").read_text()))
    expected = flatten(DEFAULTS) | flatten(best) | {"download.source": "nowhere"}
    assert written == expected

    # Where there is no usable recipe, `dvc exp run` must not run without it.
    (project.path / "recipes/mine.yaml").write_text("train_custom: {epochs: -1}\n")
    before = (project.path / "params.yaml").read_bytes()
    for name, message in (
        ("mine", "recipes/mine.yaml, params.yaml: 'train_custom.epochs' is -1"),
        ("", "there is no recipe '' in recipes/"),
    ):
        command = f"dvc exp run --queue $(python -m agegender recipe {name})"
        printed = project.run("sh", "-c", command, fails=True)
        assert message in printed and "'unusable-recipe' does not exist" in printed
    assert (project.path / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("good", "no recipe 'good' in recipes/; known: best, coral, reference-report, robust"),
        ("source-report", "'source-report' is now 'reference-report'"),
        ("", "known: best, coral, reference-report, robust"),
    ],
)
def test_an_unknown_recipe_is_reported(name: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        recipe(Namespace(name=name))


def test_the_reference_report_is_the_default() -> None:
    values = flatten(yaml.safe_load((ROOT / "recipes/reference-report.yaml").read_text()))
    assert values.items() <= flatten(DEFAULTS).items()


def test_a_split_file_that_cannot_be_followed_is_reported_before_any_work(project: Clone) -> None:
    (project.path / "split.csv").write_text("file,split\na,train\nb,test\n")
    check = ("python", "-m", "agegender", "check")
    printed = project.run(*check)
    assert "params.yaml: all parameters are valid" in printed and len(printed.splitlines()) == 1
    for values, message in (
        ({"file": "split.csv", "folds": 5}, "split.file fixes the test split, and split.folds=5"),
        ({"file": "gone.csv", "folds": 0}, "split.file: there is no file gone.csv"),
        ({"file": "metrics/split.csv"}, "split.file: metrics/split.csv lies in"),
    ):
        project.set_parameters(split=values)
        printed = project.run(*check, fails=True)
        assert f"error: params.yaml: {message}" in printed and len(printed.splitlines()) == 1


@pytest.mark.parametrize(("own", "used"), [(None, 1), (0, 0), (5, 5)])
def test_training_may_have_a_seed_of_its_own(own: int | None, used: int) -> None:
    document = Document.parse(changed("train_custom.seed", own))
    assert document.train_custom.seed_or(document.seed) == used
