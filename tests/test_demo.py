"""The page to try models on, in a real browser and against requests that are not its own."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.conftest import Reproduced

MODELS = ["--model", "custom", "--model", "vgg16"]
FAULTS = Path(__file__).with_name("faults.js").read_text(encoding="utf-8")


def written(folder: Path) -> dict[Path, int]:
    """When each file in ``folder`` was last written, but for the code that TensorFlow generates."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path: path.stat().st_mtime_ns
        for path in files
        if not path.name.startswith("__autograph_generated_file")
    }


@pytest.fixture(scope="module")
def page(reproduced: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page, served by the command, which must write nothing to disk."""
    # All places where a server may write lie in here, for it alone.
    folder = tmp_path_factory.mktemp("demo")
    clone = reproduced.copy(folder)
    places = {name: folder / name.lower() for name in ("HOME", "TMPDIR")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    process = subprocess.Popen(
        ["python", "-m", "agegender", "demo", "--port", "0", *MODELS],
        cwd=clone.path,
        env=clone.env
        | {name: str(place) for name, place in places.items()}
        | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "Custom CNN, trained on drawn portraits; VGG16, trained on drawn portraits" in line
        before = written(folder)
        yield line.split()[0]
        assert written(folder) == before
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def scene(reproduced: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of three portraits, the first of them at the edges."""
    portraits = sorted((reproduced.clone.path / "data/raw").glob("*.jpg"))
    photo = Image.new("RGB", (900, 500), (90, 120, 90))
    for path, place in zip(portraits, ((0, 0), (330, 60), (640, 200)), strict=False):
        photo.paste(Image.open(path).resize((260, 260)), place)
    path = tmp_path_factory.mktemp("photos") / "scene.jpg"
    photo.save(path)
    return path


@pytest.mark.parametrize(("width", "colors"), [(1280, "light"), (390, "dark")])
def test_the_page(
    page: str, scene: Path, browser: Browser, width: int, colors: Any, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(scene.read_bytes()[:5000])
    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colors)
    faults: list[str] = []
    shown.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    shown.on("pageerror", lambda error: faults.append(str(error)))
    own = (page, "data:", "blob:")
    shown.on("request", lambda r: None if r.url.startswith(own) else faults.append(r.url))
    shown.goto(page)
    shown.set_input_files("#files", [scene, tmp_path / "broken.png"])
    shown.wait_for_selector(".result:nth-child(2)")
    assert "The image is truncated or damaged." in shown.locator(".result").nth(0).inner_text()
    result = shown.locator(".result").nth(1)
    assert result.locator(".box").count() == 3
    words = result.locator(".face").all_inner_texts()
    assert len(words) == 3
    for text in words:
        assert "Custom CNN" in text and "VGG16" in text
        assert len(re.findall(r"(fe)?male \d+ %, \d+", text)) == 2
    # Tags are within the photo.
    frame = result.locator(".photo").bounding_box()
    assert frame is not None
    for tag in result.locator(".tag").all():
        box = tag.bounding_box()
        assert box is not None and box["x"] >= frame["x"] - 1 and box["y"] >= frame["y"] - 1
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    assert "should decide nothing about" in shown.inner_text("aside")
    assert faults + shown.evaluate(FAULTS) == []
    shown.close()


def test_a_photo_is_pasted_and_the_webcam_is_missing(
    page: str, scene: Path, browser: Browser
) -> None:
    shown = browser.new_page()
    shown.goto(page)
    shown.evaluate(
        """async (address) => {
            const data = new DataTransfer();
            const content = await (await fetch(address)).blob();
            data.items.add(new File([content], "pasted.jpg"));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        f"{page}style.css",
    )
    shown.wait_for_selector(".problem")
    assert "Not an image" in shown.inner_text(".result")
    shown.click("#camera")
    expect(shown.locator("#status")).to_contain_text("The webcam cannot be used")
    shown.close()


def test_each_answer_stands_with_the_crop_that_its_model_saw(
    page: str, scene: Path, browser: Browser
) -> None:
    answer = requests.post(f"{page}predict", scene.read_bytes()).json()
    first, second = answer["models"]
    # As a model answers that learned from photos of another framing.
    for face in answer["models"][second]:
        face["crop"] = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    answer["models"][second][0]["warning"] = "small"
    shown = browser.new_page()
    shown.route("**/predict", lambda route: route.fulfill(json=answer))
    shown.goto(page)
    shown.set_input_files("#files", [scene])
    answers = shown.locator(".face >> nth=0").locator(".answers")
    expect(answers).to_have_count(2)
    for title, part in zip((first, second), answers.all(), strict=True):
        assert part.locator("dt").all_inner_texts() == [title]
        crop = part.locator("img").get_attribute("src")
        assert crop == answer["models"][title][0]["crop"]
    assert "The face is small" in answers.nth(1).inner_text()
    shown.close()


def test_what_is_not_the_pages_own_request_is_refused(page: str, scene: Path) -> None:
    url, content = f"{page}predict", scene.read_bytes()
    assert len(requests.post(url, content).json()["models"]) == 2
    port = page.rstrip("/").rpartition(":")[2]
    for headers in (
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Host": f"example.org:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert requests.post(url, content, headers=headers).status_code == 403
    answer = requests.get(page)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert requests.get(f"{page}../cli/main.py").status_code == 404
    assert requests.post(url, b"").json()["problem"] == "the file is empty"
    large = requests.post(url, b"x" * (64 * 2**20 + 1))
    assert (large.status_code, large.text) == (413, "more than 64 MiB")
    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda _: requests.post(url, content).status_code, range(16)))
    assert set(codes) <= {200, 503} and codes.count(200) >= 8
    assert requests.post(url, content).status_code == 200
