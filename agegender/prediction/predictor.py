"""A saved model on photos of any kind: it finds the faces and crops them as it learned them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from agegender.common.errors import DamagedFileError, UserError
from agegender.download.archive import FoundFile, read_file
from agegender.evaluation.predict import load
from agegender.faces.detection import Detector
from agegender.faces.finding import AlignedFace, find_faces
from agegender.faces.template import FILE, Template, read_template
from agegender.networks.views import single_view
from agegender.preparation import images
from agegender.report.card import card_of

DETECTOR = "yunet.onnx"
# Crops that are judged at once, where photos are crops; otherwise a photo's faces are.
_BATCH = 32
# More than any photo has: it is decoded in full.
_FULL_SIZE = images.MAX_PIXELS
# Photos that are decoded ahead of the one whose faces are looked for.
_AHEAD = 2

# Of a model; some have not learned all.
OUTPUTS = ("gender", "age", "age_low", "age_high")
NO_FACE = "no face found"

Views = Literal["one", "all"]
Photo = str | Path | Image.Image | NDArray[np.uint8]
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of a face.

    Attributes:
        gender: the probability of female; None if the model has not learned gender.
        age: years; None if the model has not learned age.
        age_low: lower end of the 80 % range of ages, years; None if the model gives none.
        age_high: its upper end.
        box: x, y, width and height of the face in pixels of the upright photo; None of a photo
            that was a crop already.
        score: how sure the detector is that this is a face, 0 to 1; None of a crop.
        warning: what may make this wrong: ``small``, ``turned`` or ``cut``, or several; or empty.
        crop: what the model saw.
    """

    gender: float | None
    age: float | None
    age_low: float | None
    age_high: float | None
    box: tuple[int, int, int, int] | None
    score: float | None
    warning: str
    crop: Image.Image


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """What a model says of a file.

    Attributes:
        file: its name, as it was given.
        faces: from left to right.
        problem: why there are none, if so: the file cannot be read, or no face was found.
        photo: in pixels, upright; None if it cannot be read.
    """

    file: str
    faces: list[Prediction]
    problem: str
    photo: Image.Image | None


class Predictor:
    """A saved model with what it takes to show it photos as it learned them.

    Example:
        predictor = Predictor("pretrained/custom.keras")
        for face in predictor("photo.jpg"):
            print(face.box, face.gender, face.age)
    """

    def __init__(
        self,
        model: str | Path,
        views: Views = "all",
        aligned: bool = False,
        template: Template | None = None,
    ) -> None:
        """Load a model, and what lies next to it: template.json and yunet.onnx.

        Args:
            model: the path of a .keras file.
            views: ``one`` for the photo alone, which is faster; ``all`` for the mean over the views
                that the model was saved with, as it is evaluated.
            aligned: photos are cropped already as the training photos are.
            template: how to crop photos; by default the one next to the model, which must be the
                one in the model's card, if that lies there.

        Raises:
            OtherCardError: the card is another model's.
            UserError: a file is missing or damaged, or the template is no use.
        """
        path = Path(model)
        loaded = load(path)
        if views == "one":
            loaded = single_view(loaded)
        self.image_size: int = loaded.input_shape[1]
        shape = (None, self.image_size, self.image_size, 3)
        self._model = tf.function(loaded, input_signature=[tf.TensorSpec(shape, tf.uint8)])
        self._aligned = aligned
        if not aligned:
            self.template = template or _template_of(path)
            if not self.template.usable:
                raise UserError(
                    f"{path} learned from photos of which only {self.template.one_face:.0%} show "
                    "one face that the detector finds, so it can judge only photos that are "
                    "cropped as those are; if yours are, add --aligned, or aligned=True in Python"
                )
            self.detector = Detector(path.with_name(DETECTOR))

    def __call__(self, photo: Photo) -> list[Prediction]:
        """What the model says of each face in a photo, from left to right.

        Args:
            photo: the path of a file, a PIL image, or RGB pixels, uint8, of shape (height, width,
                3).

        Raises:
            UserError: it cannot be read, or the array is of another kind.
        """
        if isinstance(photo, str | Path):
            try:
                file = read_file(Path(photo))
            except OSError as error:
                raise UserError(f"{photo}: {error.strerror}") from None
            (result,) = self.stream([file])
            if result.photo is None:
                raise UserError(f"{photo}: {result.problem}")
            return result.faces
        image = _to_image(photo) if isinstance(photo, np.ndarray) else photo
        image = images.to_rgb(image, _FULL_SIZE)
        if self._aligned:
            return self.predict_crops([images.fit(image, self.image_size)])
        return self._predict_faces(image)

    def stream(self, files: Iterable[FoundFile]) -> Iterator[PhotoResult]:
        """What the model says of each of many files, in their order.

        Memory does not grow with their number.
        """
        decoded = _map_ahead(self._decode, files)
        while batch := list(islice(decoded, _BATCH if self._aligned else 1)):
            photos = [photo for _, photo in batch if isinstance(photo, Image.Image)]
            if self._aligned:
                answers = iter([[crop] for crop in self.predict_crops(photos)])
            else:
                answers = iter([self._predict_faces(photo) for photo in photos])
            for file, photo in batch:
                if isinstance(photo, str):
                    yield PhotoResult(file.source, [], photo, None)
                else:
                    faces = next(answers)
                    yield PhotoResult(file.source, faces, "" if faces else NO_FACE, photo)

    def _decode(self, file: FoundFile) -> Image.Image | str:
        """The photo, a crop as the pipeline's stage preprocess makes it; or why there is none."""
        if file.reason:
            return file.reason
        try:
            if not self._aligned:
                return images.decode(file.content, _FULL_SIZE)
            size = (self.image_size, self.image_size)
            return Image.frombytes("RGB", size, images.square(file.content, self.image_size))
        except images.RejectedImageError as error:
            return str(error)

    def _predict_faces(self, photo: Image.Image) -> list[Prediction]:
        found = find_faces(photo, self.detector, self.template)
        return self.predict_crops([face.crop(photo, self.image_size) for face in found], found)

    def predict_crops(
        self, crops: Sequence[Image.Image], faces: Sequence[AlignedFace] | None = None
    ) -> list[Prediction]:
        """What the model says of crops.

        Args:
            crops: RGB, of ``image_size`` pixels a side.
            faces: where each came from, if from a photo.
        """
        if not crops:
            return []
        outputs = self._model(np.stack([np.asarray(crop) for crop in crops]))
        values = {name: output.numpy()[:, 0].tolist() for name, output in outputs.items()}
        return [
            Prediction(
                **{name: values[name][i] if name in values else None for name in OUTPUTS},
                box=_whole(face.face.box) if face else None,
                score=face.face.score if face else None,
                warning=face.warning if face else "",
                crop=crops[i],
            )
            for i, face in enumerate(faces or [None] * len(crops))
        ]


def _to_image(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise UserError(
            f"an array of {pixels.dtype} and shape {pixels.shape} is no photo; uint8 of shape "
            "(height, width, 3) is"
        )
    return Image.fromarray(pixels)


def _whole(box: NDArray[np.float32]) -> tuple[int, int, int, int]:
    x, y, width, height = (round(each) for each in box.tolist())
    return x, y, width, height


def _template_of(model: Path) -> Template:
    """The template that lies next to a model, and is that of its photos.

    Raises:
        UserError: there is none, or the model's card, if it lies there, has another.
    """
    path = model.with_name(FILE)
    template, card = read_template(path), card_of(model)
    if card is not None and card.template != template.model_dump(mode="json"):
        raise DamagedFileError(path, f"is another model's template than the card of {model} has")
    return template


def _map_ahead(
    function: Callable[[Task], Result], tasks: Iterable[Task]
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result; a thread works on the next ones while one is in use."""
    remaining = iter(tasks)
    with ThreadPoolExecutor(1) as pool:
        pending = deque((task, pool.submit(function, task)) for task in islice(remaining, _AHEAD))
        while pending:
            task, future = pending.popleft()
            result = future.result()
            pending.extend((task, pool.submit(function, task)) for task in islice(remaining, 1))
            yield task, result
