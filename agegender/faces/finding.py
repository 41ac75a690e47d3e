"""The faces in a photo of any size, and how to crop each as the training photos are cropped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agegender.faces.alignment import Matrix, invert, similarity, transform
from agegender.faces.detection import Detector, Face
from agegender.faces.resampling import warp
from agegender.faces.template import Template

# Pixels of the longer side at which a photo is searched, at most and at least.
_SIDE = 640
_LEAST_SIDE = 256
# A face of fewer pixels there says that the photo may hold others, too small to be found.
_SMALL_THERE = 40
# The detector finds faces upside down and on their side, too, but misplaces their eyes. Of 108
# photos of people, 97 % reached this score upright; 24 % did in another quarter turn, with a lower
# score than upright.
_CERTAIN = 0.88
# The second pass: pixels a side of what the detector sees, the share of it that the template
# takes, and the score that is enough there.
_CHIP = 384
_CHIP_SHARE = 0.5
_CHIP_THRESHOLD = 0.3
# Faces that are looked at together: a crowd takes no more memory than some.
_BATCH = 16
# Where warnings begin: pixels of the photo across the crop; the distance of landmarks from the
# template, as a share of the crop's side; the share of the crop that lies outside the photo.
_SMALL = 64
_TURNED = 0.06
_CUT = 0.1


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face in a photo, and how to crop it.

    Attributes:
        face: in pixels of the photo; ``first`` is the same before it was looked at alone.
        matrix: from the photo to a crop of one pixel a side, shape (2, 3).
        warning: of a prediction: ``small``, ``turned`` or ``cut``, or several; or empty.
    """

    face: Face
    first: Face
    matrix: Matrix
    warning: str

    def crop(self, photo: Image.Image, size: int) -> Image.Image:
        """The face in a square of ``size`` pixels a side, as training photos show faces."""
        return warp(photo, self.matrix * size, size)


def find_faces(photo: Image.Image, detector: Detector, template: Template) -> list[AlignedFace]:
    """The faces in an RGB photo, from left to right.

    A photo in which none is found with certainty is searched at half its size, too, and in the
    other quarter turns.
    """

    def align(faces: list[Face]) -> list[AlignedFace]:
        refined = refine(photo, faces, template, detector)
        return [
            _align(photo, face, landmarks, template)
            for face, landmarks in zip(faces, refined, strict=True)
            if landmarks is not None
        ]

    side = min(max(*photo.size, _LEAST_SIDE), _SIDE)
    found = align(_search(photo, detector, side))
    if side < max(photo.size) and not _all_large(found, side / max(photo.size)):
        more = align(_search(photo, detector, min(max(photo.size), 2 * _SIDE)))
        found = max(found, more, key=_total_score)
    if all(each.face.score < _CERTAIN for each in found):
        others = [_search(photo, detector, side // 2)]
        others += [_search(photo, detector, side, turns) for turns in (1, 2, 3)]
        found = max(found, *map(align, others), key=_total_score)
    return sorted(found, key=lambda each: (each.face.box[0], each.face.box[1]))


def _all_large(found: list[AlignedFace], scale: float) -> bool:
    return bool(found) and all(each.face.box[2:].max() * scale >= _SMALL_THERE for each in found)


def _total_score(found: list[AlignedFace]) -> float:
    return sum(each.face.score for each in found)


def _search(
    photo: Image.Image, detector: Detector, side: int, quarter_turns: int = 0
) -> list[Face]:
    """The faces in the photo at ``side`` pixels, turned; in pixels of the photo as it is."""
    scale = side / max(photo.size)
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    small = photo
    if size != photo.size:
        small = photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    turned = np.rot90(np.asarray(small), quarter_turns)
    # From the turned picture back to the photo: each quarter turn swaps the axes.
    back = np.array([[photo.width / size[0], 0, 0], [0, photo.height / size[1], 0]])
    width, height = size
    for _ in range(quarter_turns):
        back = back @ np.array([[0, -1, width], [1, 0, 0], [0, 0, 1]])
        width, height = height, width
    return [_mapped(face, back) for face in detector(turned[np.newaxis])[0]]


def refine(
    photo: Image.Image, faces: Sequence[Face], template: Template, detector: Detector
) -> list[NDArray[np.float64] | None]:
    """The landmarks of ``faces``, found once more in an upright picture of each face alone.

    That halves the error of the crop, and shows which detections are none: these become None.
    """
    inside = template.points(_CHIP * _CHIP_SHARE) + _CHIP * (1 - _CHIP_SHARE) / 2
    refined: list[NDArray[np.float64] | None] = []
    for start in range(0, len(faces), _BATCH):
        batch = faces[start : start + _BATCH]
        matrices = [similarity(face.landmarks, inside) for face in batch]
        chips = [np.asarray(warp(photo, matrix, _CHIP, softness=0)) for matrix in matrices]
        for matrix, found in zip(matrices, detector(np.stack(chips), _CHIP_THRESHOLD), strict=True):
            # The face is where the template is; others may be next to it.
            distances = [np.abs(each.landmarks - inside).mean() for each in found]
            nearest = int(np.argmin(distances)) if found else 0
            if found and distances[nearest] < _CHIP * _CHIP_SHARE / 4:
                refined.append(transform(invert(matrix), found[nearest].landmarks))
            else:
                refined.append(None)
    return refined


def _mapped(face: Face, matrix: Matrix) -> Face:
    corners = transform(matrix, np.stack([face.box[:2], face.box[:2] + face.box[2:]]))
    low, high = corners.min(0), corners.max(0)
    box = np.concatenate([low, high - low]).astype(np.float32)
    return Face(box, transform(matrix, face.landmarks).astype(np.float32), face.score)


def _align(
    photo: Image.Image, first: Face, landmarks: NDArray[np.float64], template: Template
) -> AlignedFace:
    face = Face(first.box, landmarks.astype(np.float32), first.score)
    matrix = similarity(face.landmarks, template.points(1))
    side = 1 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    distance = transform(matrix, face.landmarks) - template.points(1)
    warnings = {
        "small": side < _SMALL,
        "turned": float(np.sqrt((distance**2).sum(1).mean())) > _TURNED,
        "cut": _share_outside(photo, invert(matrix)) > _CUT,
    }
    return AlignedFace(
        face, first, matrix, " ".join(name for name, holds in warnings.items() if holds)
    )


def _share_outside(photo: Image.Image, to_photo: Matrix) -> float:
    steps: NDArray[np.float64] = (np.arange(16) + 0.5) / 16
    points = transform(to_photo, np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))
    return float(((points < 0) | (points > photo.size)).any(1).mean())
