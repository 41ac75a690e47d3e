"""Faces pasted into pictures, found again, cropped in several ways, and predicted.

    python -m benchmarks.crops --model pretrained/custom.keras --photos 1200

says what a crop costs: gender accuracy and age MAE of photos of a split as they are, and of
the same faces pasted at a random size, place and turn, and cropped as `predict` crops them, or
otherwise. Run it where the pipeline has run on photos like those that the model learned.
"""

import argparse
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from agegender.faces.finding import AlignedFace
    from agegender.prediction.predictor import Prediction, Predictor

# Pixels a side of a picture, and of the cell that each of several faces has to itself.
PICTURE, CELL = 800, 400
# Pixels a side of a pasted photo, and degrees of its turn in either direction.
SIZES, TURN = (64, 280), 25
MARGINS = (0, 0.2, 0.4)
SOFTNESS = (0.0, 0.8, 1.2)

ORIGINAL = "as it was"
TRUE = "cut out where it was pasted"
OURS = "as predict crops it"
ONE_PASS = "aligned in one pass"


@dataclass(frozen=True, eq=False)
class Pasted:
    """A photo in a picture: its number, and the matrix from the picture to it, one pixel a side."""

    number: int
    matrix: NDArray[np.float64]


def pictures(photos: list[Image.Image], seed: int) -> Iterator[tuple[Image.Image, list[Pasted]]]:
    """Pictures that show each of ``photos`` once: one, or several in cells of their own."""
    rng = np.random.default_rng(seed)
    number = 0
    while number < len(photos):
        count = min(int(rng.choice([1, 1, 2, 3, 4])), len(photos) - number)
        # Soft patches of color.
        patches = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        picture = patches.resize((PICTURE, PICTURE), Image.Resampling.BICUBIC)
        pasted = []
        for cell in rng.permutation(4)[:count]:
            side = int(rng.integers(*SIZES, endpoint=True))
            turn = math.radians(rng.uniform(-TURN, TURN))
            reach = side * (math.cos(turn) + math.sin(abs(turn))) / 2
            width = PICTURE if count == 1 else CELL
            corner = np.zeros(2) if count == 1 else CELL * np.array(divmod(int(cell), 2))
            reach = min(reach, width / 2)
            center = corner + rng.uniform(reach, width - reach, 2)
            pasted.append(Pasted(number, _paste(picture, photos[number], side, turn, center)))
            number += 1
        yield picture, pasted


def _paste(
    picture: Image.Image, photo: Image.Image, side: int, turn: float, center: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Paste ``photo``, return the matrix from the picture to the photo, one pixel a side."""
    small = photo.resize((side, side), Image.Resampling.LANCZOS)
    cos, sin = math.cos(turn), math.sin(turn)
    rotation = np.array([[cos, sin], [-sin, cos]])
    to_small = np.column_stack([rotation, side / 2 - rotation @ center])
    size, how = picture.size, Image.Transform.AFFINE
    data = tuple(to_small.ravel())
    mask = Image.new("L", small.size, 255).transform(size, how, data, Image.Resampling.BILINEAR)
    shown = small.transform(size, how, data, Image.Resampling.BICUBIC)
    picture.paste(shown, mask=mask)
    return to_small / side


def crops_of(
    picture: Image.Image, face: "AlignedFace", pasted: Pasted, predictor: "Predictor"
) -> dict[str, Image.Image]:
    """The ways to crop a detected face."""
    from agegender.faces.alignment import similarity
    from agegender.faces.resampling import warp

    size, first = predictor.image_size, face.first
    one_pass = similarity(first.landmarks, predictor.template.points(size))
    found = {
        OURS: face.crop(picture, size),
        TRUE: warp(picture, pasted.matrix * size, size, softness=0),
        ONE_PASS: warp(picture, one_pass, size),
    }
    center, side = _middle(first.box), float(first.box[2:].max())
    for margin in MARGINS:
        scale = size / (side * (1 + margin))
        matrix = np.column_stack([np.eye(2) * scale, size / 2 - center * scale])
        found[f"the detector's box, {margin:.0%} margin"] = warp(picture, matrix, size)
    for softness in SOFTNESS:
        soft = warp(picture, face.matrix * size, size, softness)
        found[f"{OURS}, softness {softness:g}"] = soft
    return found


def measure(
    predictor: "Predictor", photos: pd.DataFrame, folder: Path, seed: int
) -> dict[str, Any]:
    """What every way to crop scores on ``photos`` (columns ``file``, ``age``, ``gender``).

    Returns:
        ``photos``, ``found`` (the share of them) and ``ways``: by name, ``gender`` (accuracy) and
        ``age`` (MAE, years) on the photos that were found.
    """
    from agegender.common.progress import progress_bar
    from agegender.faces.alignment import invert, transform
    from agegender.faces.finding import find_faces
    from agegender.preparation.images import decode, fit

    images = [decode((folder / file).read_bytes(), 1000) for file in photos["file"]]
    crops: dict[int, dict[str, Image.Image]] = {}
    scenes = progress_bar(pictures(images, seed), desc="pasting and finding", unit="pictures")
    for picture, all_pasted in scenes:
        aligned = find_faces(picture, predictor.detector, predictor.template)
        for pasted in all_pasted:
            [center] = transform(invert(pasted.matrix), np.array([[0.5, 0.5]]))
            distance = [np.hypot(*(_middle(each.first.box) - center)) for each in aligned]
            side = 1 / np.hypot(*pasted.matrix[0, :2])
            if not aligned or min(distance) > side / 4:
                continue
            face = aligned[int(np.argmin(distance))]
            original = fit(images[pasted.number], predictor.image_size)
            ways = crops_of(picture, face, pasted, predictor)
            crops[pasted.number] = {ORIGINAL: original, **ways}
    found = photos.iloc[sorted(crops)]
    scores = {
        way: _score(found, [crops[number][way] for number in sorted(crops)], predictor)
        for way in next(iter(crops.values()))
    }
    return {"photos": len(photos), "found": round(len(found) / len(photos), 4), "ways": scores}


def _middle(box: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(box[:2] + box[2:] / 2, np.float64)


def _score(
    photos: pd.DataFrame, crops: list[Image.Image], predictor: "Predictor"
) -> dict[str, float]:
    predictions: list[Prediction] = []
    for start in range(0, len(crops), 32):
        predictions += predictor.predict_crops(crops[start : start + 32])
    scores = {}
    if predictions[0].gender is not None:
        female = np.array([each.gender for each in predictions], float) >= 0.5
        scores["gender"] = round(float((female == photos["gender"]).mean()), 4)
    if predictions[0].age is not None:
        ages = np.array([each.age for each in predictions], float)
        scores["age"] = round(float(np.abs(ages - photos["age"]).mean()), 3)
    return scores


def table(measured: Mapping[str, Any]) -> str:
    """What was measured, in Markdown."""
    rows = [
        f"{measured['found']:.1%} of {measured['photos']:,} faces found".replace("%", " %"),
        "",
        "| crop | gender accuracy | age MAE |",
        "|---|--:|--:|",
    ]
    for way, scores in measured["ways"].items():
        gender = f"{scores['gender']:.3f}" if "gender" in scores else ""
        age = f"{scores['age']:.2f}" if "age" in scores else ""
        rows.append(f"| {way.replace('%', ' %')} | {gender} | {age} |")
    return "\n".join(rows)


def main() -> None:
    """Measure and print a table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser("python -m benchmarks.crops", description=__doc__)
    parser.add_argument("--model", default="models/custom.keras")
    parser.add_argument("--photos", type=int, default=1200, help="of the split, at most")
    parser.add_argument("--split", default="validation", help="validation to choose by, or test")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    from agegender.prediction.predictor import Predictor

    photos = pd.read_csv(f"data/split/{arguments.split}.csv", dtype={"file": str})
    photos = photos.sample(frac=1, random_state=arguments.seed)[: arguments.photos]
    print(table(measure(Predictor(arguments.model), photos, Path("data/raw"), arguments.seed)))


if __name__ == "__main__":
    main()
