"""The report and DVC's plots in real pictures: a browser loads them, Vega draws them."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vl_convert
from playwright.sync_api import Browser, Page, sync_playwright

from agegender.photos.records import read_index
from agegender.report.figures import learning_curve
from tests.clones import Clone
from tests.conftest import Reproduced

# What a reader would complain of on an open page, a line each.
_FAULTS = Path(__file__).with_name("faults.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the machine has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"these tests need a browser: install one of {', '.join(names)}"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


def look(
    browser: Browser, report: Path, width: int = 1280, colours: Any = "light"
) -> tuple[Page, list[str]]:
    """Open the report at this width in light or dark: the page, and what is wrong with it."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: faults.append(request.url) if request.url.startswith("http") else None,
    )
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    return page, faults + page.evaluate(_FAULTS)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_has_no_faults(
    reproduced: Reproduced, browser: Browser, width: int, colours: str
) -> None:
    page, faults = look(browser, reproduced.clone.path / "report/index.html", width, colours)
    assert faults == []
    assert page.locator("figure svg").count() >= 15
    assert page.locator(".gallery img").count() >= 6
    text = page.inner_text("body")
    for model in ("custom", "vgg16"):
        metrics = json.loads((reproduced.clone.path / f"metrics/{model}.json").read_text())
        assert f"{metrics['age']['mae']:.2f}" in text
        assert f"{100 * metrics['gender']['accuracy']:.1f}" in text
        layers = json.loads(
            (reproduced.clone.path / f"predictions/{model}.architecture.json").read_text()
        )
        assert all(layer["formula"] in text for layer in layers)
    assert len(re.findall(r"s an epoch, .* in all", text)) == 2
    for name in ("preprocess.shard_records", "download_vgg16.source"):
        assert name in text.replace("\u200b", "")
    # Of every k, both models' share and the difference, each with its interval.
    table = page.locator("table", has=page.locator("caption", has_text="CS@k (%"))
    assert table.locator("tbody small").count() == 3 * 16
    page.close()


@pytest.mark.parametrize(
    ("spoiling", "complaint"),
    [
        ('<script>console.error("oh")</script>', "oh"),
        ('<script>throw new Error("ah")</script>', "ah"),
        ('<img src="none.png" alt="none">', "none.png"),
        ('<img src="http://127.0.0.1:9/far.png" alt="far">', "far.png"),
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="">', "no alternative text"),
        ('<figure><div role="img"><svg viewBox="0 0 9 9"></svg></div></figure>', "draws nothing"),
        ('<div style="width: 3000px">wide</div>', "scrolls sideways"),
        ('<p style="color: #eee">pale</p>', "hard to read: pale"),
    ],
)
def test_faults_are_found(
    reproduced: Reproduced, browser: Browser, tmp_path: Path, spoiling: str, complaint: str
) -> None:
    source = reproduced.clone.path / "report"
    shutil.copytree(source, tmp_path / "report")
    page = (source / "index.html").read_text(encoding="utf-8")
    spoilt = tmp_path / "report/index.html"
    spoilt.write_text(page.replace("</main>", spoiling + "</main>"), encoding="utf-8")
    opened, faults = look(browser, spoilt, 390)
    opened.close()
    assert any(complaint in fault for fault in faults), faults


def test_a_single_epoch_is_a_whole_number() -> None:
    svg = learning_curve([40.0], [50.0], "Loss")
    ticks = [float(text) for text in re.findall(r">([\d.]+)</text>", svg)]
    assert [tick for tick in ticks if tick < 10] == [1]


def test_tables_sort_by_a_click(reproduced: Reproduced, browser: Browser) -> None:
    page, _ = look(browser, reproduced.clone.path / "report/index.html")
    table = page.locator("table.sortable", has=page.locator("caption", has_text="MAE by group"))

    def column(number: int) -> list[str]:
        return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    before = column(1)
    table.get_by_role("button", name="Photos").click()
    photos = [int(text) for text in column(2)]
    assert photos == sorted(photos) and column(1) != before
    assert table.locator("th[aria-sort=ascending]").inner_text() == "Photos"
    table.get_by_role("button", name="Photos").click()
    assert [int(text) for text in column(2)] == photos[::-1]
    table.get_by_role("button", name="VGG16").click()
    errors = [float(text.split()[0]) for text in column(4)]
    assert errors == sorted(errors)
    page.close()


def test_times_are_shown_only_where_they_are_of_this_run(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    source = reproduced.clone.path / "report"
    alone = tmp_path / "index.html"
    shutil.copy(source / "index.html", alone)
    page, faults = look(browser, alone)
    # The one file that a report misses without harm.
    assert all("timings.js" in fault or "ERR_FILE_NOT_FOUND" in fault for fault in faults)
    assert "an epoch, " not in page.inner_text("body")
    assert page.locator("#untimed").is_visible()
    page.close()
    times = (source / "timings.js").read_text()
    (tmp_path / "timings.js").write_text(re.sub('"key": "....', '"key": "0000', times))
    page, faults = look(browser, alone)
    assert faults == [] and page.locator("#untimed").is_visible()
    assert "an epoch, " not in page.inner_text("body")
    page.close()


def test_all_of_the_report_is_printed(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    page, _ = look(browser, reproduced.clone.path / "report/index.html", colours="dark")
    assert page.locator("details:not([open])").count() >= 4
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    page.close()


# The structure and the objective of recipes/best.yaml, as small as they go.
BOTH_OF_BEST = {
    "ensemble_size": 2,
    "batch_normalization": True,
    "age_head": "distribution",
    "age_estimate": "median",
    "tta_flip": True,
    "schedule": "cosine",
    "weight_decay": 0.05,
    "age_weight": 0.5,
    "ema_momentum": 0.9,
    "restore_best_weights": True,
}
CUSTOM_OF_BEST = BOTH_OF_BEST | {"convs_per_block": 2, "pooling": "average"}
VGG16_OF_BEST = BOTH_OF_BEST | {"unfreeze": "block5", "backbone_batch_normalization": True}


@pytest.mark.parametrize(
    ("task", "train_on", "custom", "vgg16"),
    [("age", "train", CUSTOM_OF_BEST, VGG16_OF_BEST), ("gender", "train+validation", {}, {})],
)
def test_one_task_and_one_epoch_have_a_report(
    reproduced: Reproduced,
    browser: Browser,
    tmp_path: Path,
    task: str,
    train_on: str,
    custom: dict[str, Any],
    vgg16: dict[str, Any],
) -> None:
    clone = reproduced.copy(tmp_path)
    clone.set_parameters(
        tasks=[task],
        train_on=train_on,
        train_custom=custom | {"epochs": 1},
        train_vgg16=vgg16 | {"epochs": 1},
    )
    clone.dvc("repro")
    page, faults = look(browser, clone.path / "report/index.html", 390)
    assert faults == []
    text = page.inner_text("body")
    assert ("MAE" in text) == (task == "age") and ("AUC" in text) == (task == "gender")
    on_both = train_on != "train"
    assert ("no curve yet" in text) == (not on_both)
    for words in (
        "A block has 2 convolutions",
        "2 such networks are trained",
        "has batch normalisation put behind it",
        "AdamW",
        "4·8 =",
        "0.5 times",
        "that training minimises",
    ):
        assert (words in text) == bool(custom)
    for words in (
        "was trained on the validation photos too",
        "those of validation among them",
        "-S train_on=train",
        "The validation photos are among those of training",
    ):
        assert (words in text) == on_both
    assert ("The rule: a model is said to overfit" in text) == (not on_both)
    assert "both tasks" not in text
    page.close()
    for model in ("custom", "vgg16"):
        summary = clone.run("python", "-m", "agegender", "summary", model)
        assert ("member2_" in summary) == bool(custom) and " in all, " in summary
    records = read_index(clone.path / "data/tfrecords")[train_on].records
    assert len(np.load(clone.path / "data/embeddings/train.labels.npy")) == records
    other = {"age": "gender|roc|confusion|reliability", "gender": "age|cumulative"}[task]
    assert draws_every_plot(browser, clone, "show", absent=other) >= 5
    if on_both:
        trains_on_validation_photos(clone)


def trains_on_validation_photos(clone: Clone) -> None:
    """What else there is to see where the validation photos were trained on."""
    model = (clone.path / "models/custom.keras").read_bytes()
    clone.set_parameters(train_on="train")
    # By what the model was trained on, whatever params.yaml says by now.
    assert "VGG16: trained on these photos too" in clone.run(
        "python", "-m", "agegender", "score", "vgg16"
    )
    told = clone.dvc("repro", "--single-item", "train_vgg16", fails=True)
    assert "index.json is of train_on: train+validation, not train; make the embeddings" in told
    clone.dvc("repro", "--single-item", "train_custom")
    assert (clone.path / "models/custom.keras").read_bytes() != model
    assert "trained on these" not in clone.run("python", "-m", "agegender", "score", "custom")


def test_every_plot_of_dvc_can_be_read(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    assert draws_every_plot(browser, clone, "show") >= 12
    clone.dvc("exp", "run", "-S", "train_vgg16.dropout=0.1")
    revisions = ("HEAD", "workspace")
    assert draws_every_plot(browser, clone, "diff", "HEAD", revisions=revisions) >= 12


def draws_every_plot(
    browser: Browser,
    clone: Clone,
    *command: str,
    absent: str = "$^",
    revisions: Sequence[str] = (),
) -> int:
    """Draw all plots of ``dvc plots`` but those of ``absent`` names; how many can be read: all."""
    printed = clone.dvc("plots", *command, "--json")
    plots = json.loads(printed[printed.index("{") :])
    errors = [error["name"] for error in plots.get("errors", [])]
    assert all(re.search(absent, name) for name in errors), errors
    drawn = 0
    page = browser.new_page()
    for name, variants in plots["data"].items():
        if re.search(absent, name):
            continue
        for variant in variants:
            assert plot_faults(page, variant["content"], revisions) == [], name
            drawn += 1
    page.close()
    return drawn


def plot_faults(page: Page, specification: dict[str, Any], revisions: Sequence[str]) -> list[str]:
    """What is wrong with a picture that Vega draws, looked at on ``page``."""
    page.set_content(vl_convert.vegalite_to_svg(specification))
    faults: list[str] = page.evaluate(_FAULTS)
    text = " ".join(page.locator("text").all_text_contents())
    wanted = ["Custom CNN", "VGG16", *revisions]
    return faults + [f"nothing is named {name}" for name in wanted if name not in text]


def test_faults_of_a_plot_are_found(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    printed = clone.dvc("plots", "show", "--json", "roc", "age_error_by_decade")
    plots = json.loads(printed[printed.index("{") :])["data"]
    page = browser.new_page()
    roc = plots["roc"][0]["content"]
    decades = plots["age_error_by_decade"][0]["content"]
    assert plot_faults(page, roc, []) == plot_faults(page, decades, []) == []
    assert "nothing is named HEAD" in plot_faults(page, roc, ["HEAD"])
    crowded = {**decades, "width": 60}
    assert any("lies over" in fault for fault in plot_faults(page, crowded, []))
    empty = {**decades, "data": {"values": []}}
    assert "an SVG draws nothing" in plot_faults(page, empty, [])
    page.close()
