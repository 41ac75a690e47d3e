"""params.yaml: what is refused and how that is told; stages read only what they declare."""

import operator
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agegender.common.errors import UserError
from cli.parameters import Document
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


def leaves(values: Any = DEFAULTS, path: tuple[str, ...] = ()) -> list[str]:
    """The dotted name of every parameter."""
    if not isinstance(values, dict):
        return [".".join(path)]
    return [name for key in values for name in leaves(values[key], (*path, key))]


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
        (
            "train_custom.dropuot",
            0.1,
            "'train_custom.dropuot' is unknown; known here: age_",
        ),
        ("trainvgg16", {}, "'trainvgg16' is unknown; known here: download,"),
        ("train_vgg16.unfreeze", "block9", "should be 'none', 'block5'"),
        ("train_custom.filters", [], "'train_custom.filters' is \\[\\], but"),
        ("train_custom.filters", [8, 0], "'train_custom.filters.1' is 0, but"),
        ("tasks", ["gender", "gender"], "each task may stand there once"),
        ("tasks", ["race"], "'tasks.0' is 'race', but should be 'gender' or 'age'"),
        ("seed", -1, "'seed' is -1, but should be greater than or equal to 0"),
        ("image_size", 31, "'image_size' is 31, but should be greater than or equal to 32"),
        ("split.test", 0.95, "params.yaml: 'split': validation and test together should be less"),
        ("train_vgg16.warmup_epochs", 1, "'train_vgg16': warmup_epochs needs schedule: cosine$"),
        ("download.sha256", "abc", "'download.sha256' is 'abc', but"),
        ("split", 3, "'split'"),
    ],
)
def test_a_mistake_is_told_in_one_line(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Document.parse(changed(name, value))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("params.yaml: ")


@pytest.mark.parametrize("name", leaves())
def test_a_missing_parameter_is_named(name: str) -> None:
    document = changed(name, None)
    *sections, key = name.split(".")
    place = document
    for section in sections:
        place = place[section]
    del place[key]
    with pytest.raises(UserError, match=re.escape(f"'{name}' is missing")):
        Document.parse(document)


@pytest.mark.parametrize(("choosing", "value"), [("restore_best_weights", True), ("patience", 3)])
def test_nothing_chooses_by_photos_that_are_trained_on(choosing: str, value: Any) -> None:
    document = changed("train_on", "train+validation")
    Document.parse(document)
    document["train_vgg16"][choosing] = value
    with pytest.raises(UserError, match=r"train_vgg16\.patience choose by the validation photos"):
        Document.parse(document)


def test_every_mistake_is_told_at_once() -> None:
    document = changed("seed", "x") | {"image_size": 1}
    with pytest.raises(UserError, match=r"'seed'.*'image_size'"):
        Document.parse(document)


@given(ANYTHING)
def test_whatever_the_file_holds_it_is_taken_or_refused(document: Any) -> None:
    with pytest.raises(UserError):
        Document.parse(document)


@given(st.sampled_from(leaves()), ANYTHING)
def test_whatever_a_parameter_is_it_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        taken = Document.parse(changed(name, value))
    except UserError as error:
        assert name.split(".")[0] in str(error)
    else:
        assert operator.attrgetter(name)(taken) == value


@pytest.mark.parametrize("name", leaves())
def test_params_yaml_says_what_each_parameter_is_for(name: str) -> None:
    *sections, key = name.split(".")
    block = TEXT
    for depth, section in enumerate(sections):
        inner = "  " * (depth + 1)
        found = re.search(rf"^{'  ' * depth}{section}:.*(?:\n(?:{inner}.*)?)*", block, flags=re.M)
        assert found is not None
        block = found[0]
    assert re.search(rf"^{'  ' * len(sections)}{key}: .*# \w+", block, flags=re.M)


def test_a_section_that_is_no_mapping_is_told() -> None:
    with pytest.raises(UserError, match=r"params\.yaml: the file must be a mapping"):
        Document.parse(None)


SPLIT = """
from stages.common.stage import parameters, run


def main() -> None:
    print(parameters("split")["{name}"])


if __name__ == "__main__":
    run(main)
"""


@pytest.mark.parametrize("name", ["image_size", "train_vgg16.epochs", "split.epochs"])
def test_a_stage_cannot_read_what_it_does_not_declare(project: Clone, name: str) -> None:
    (project.path / "stages/split.py").write_text(SPLIT.format(name=name))
    printed = project.run("python", "-m", "stages.split", fails=True)
    assert f"stage 'split' reads the parameter '{name}' without declaring it" in printed
    assert "Traceback" not in printed


def test_a_stage_reads_what_it_declares(project: Clone) -> None:
    (project.path / "stages/split.py").write_text(SPLIT.format(name="split.test"))
    assert project.run("python", "-m", "stages.split") == f"{DEFAULTS['split']['test']}\n"


def test_a_mistake_in_any_section_stops_the_first_stage(project: Clone) -> None:
    project.set_parameters(evaluate={"bootstrap_samples": -5})
    printed = project.dvc("repro", fails=True)
    assert "error: params.yaml: 'evaluate.bootstrap_samples' is -5, but" in printed
    assert "Traceback" not in printed
    assert not (project.path / "data/raw").exists()


@pytest.mark.parametrize("name", ["best", "source-report"])
def test_a_recipe_is_one_command_of_dvc(project: Clone, name: str) -> None:
    values = yaml.safe_load((ROOT / f"recipes/{name}.yaml").read_text())
    options = project.run("python", "-m", "agegender", "recipe", name).split()
    # DVC writes the parameters, and the stage stops for want of the photos.
    project.dvc("exp", "run", *options, "-S", "download.source=nowhere", "download", fails=True)
    written = yaml.safe_load((project.path / "params.yaml").read_text())
    for path in leaves(values):
        wanted, found = values, written
        for key in path.split("."):
            wanted, found = wanted[key], found[key]
        assert found == wanted, path
    assert (values["train_custom"]["age_head"] == "linear") == (name == "source-report")


def test_the_source_report_is_the_default() -> None:
    recipe = yaml.safe_load((ROOT / "recipes/source-report.yaml").read_text())
    for path in leaves(recipe):
        wanted, found = recipe, DEFAULTS
        for key in path.split("."):
            wanted, found = wanted[key], found[key]
        assert found == wanted, path
    # Where it is trained, and what chance does, are no part of a recipe.
    models, others = ("custom", "vgg16"), ("seed", "intra_op_threads", "strategy")
    left_out = {f"train_{model}.{name}" for model in models for name in others}
    trained = {path for path in leaves() if path.startswith("train_") and "." in path} | {
        "train_on"
    }
    assert trained - {path for path in leaves(recipe)} == left_out


def test_a_wrong_recipe_is_told(project: Clone) -> None:
    run = ("python", "-m", "agegender", "recipe")
    assert "there is no recipe 'good' in recipes/; known: best, source-report" in project.run(
        *run, "good", fails=True
    )
    (project.path / "recipes/mine.yaml").write_text("train_custom: {epochs: -1}\n")
    printed = project.run(*run, "mine", fails=True)
    assert "recipes/mine.yaml, params.yaml: 'train_custom.epochs' is -1" in printed
    before = (project.path / "params.yaml").read_bytes()
    for options, name in (("--queue", "mine"), ("-S train_custom.epochs=1", "good"), ("", "")):
        command = f"dvc exp run {options} $(python -m agegender recipe {name})"
        printed = project.run("sh", "-c", command, fails=True)
        assert "'unusable-recipe' does not exist" in printed
    assert (project.path / "params.yaml").read_bytes() == before
    assert "No experiment tasks in the queue" in project.dvc("queue", "status")


@pytest.mark.parametrize(("own", "used"), [(None, 1), (0, 0), (5, 5)])
def test_training_may_have_a_seed_of_its_own(own: int | None, used: int) -> None:
    document = Document.parse(changed("train_custom.seed", own))
    assert document.train_custom.seed_or(document.seed) == used
