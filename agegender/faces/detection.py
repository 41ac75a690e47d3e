"""Faces in pictures: their boxes, and where eyes, nose and mouth are, by YuNet."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agegender.faces.yunet import STRIDES, load_yunet

# A face is reported from this score on.
THRESHOLD = 0.6
# Boxes whose intersection is more than this share of their union are of the same face.
_SAME_FACE = 0.3
_MAX_FACES = 1000
# What the network returns for each stride.
_MAPS = ("cls", "obj", "bbox", "kps")

LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture, in pixels from its upper left corner.

    Attributes:
        box: x, y, width and height, shape (4,); it may leave the picture.
        landmarks: x and y of each of `LANDMARKS`, left and right as the viewer sees them, shape
            (5, 2).
        score: how sure the detector is, 0 to 1.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float


class Detector:
    """Finds faces by the weights in YuNet's ONNX file."""

    def __init__(self, path: Path) -> None:
        """Load the weights.

        Raises:
            DamagedFileError: ``path`` is missing, or is something else.
        """
        model = load_yunet(path)
        # One graph for pictures of all sizes: `predict` would trace one for each.
        any_size = tf.TensorSpec((None, None, None, 3), tf.float32)
        self._network = tf.function(model, input_signature=[any_size])

    def __call__(
        self, pictures: NDArray[np.uint8], threshold: float = THRESHOLD
    ) -> list[list[Face]]:
        """The faces in each picture, the surest first.

        Args:
            pictures: RGB, shape (n, height, width, 3). Faces of 40 to 400 pixels are found best.
            threshold: the score that a face has at least.
        """
        height, width = pictures.shape[1:3]
        multiple = STRIDES[-1]
        padding = ((0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0))
        outputs = self._network(np.pad(pictures, padding).astype(np.float32))
        maps = {name: [each.numpy() for each in maps] for name, maps in outputs.items()}
        return [
            _decode({name: [each[i] for each in maps[name]] for name in maps}, threshold)
            for i in range(len(pictures))
        ]


def _decode(maps: dict[str, list[NDArray[np.float32]]], threshold: float) -> list[Face]:
    """The faces that YuNet's feature maps of one picture show.

    Each cell of a map may be the center of a face: its score is √(cls·obj), ``bbox`` holds the
    offset of the box's center from the cell and the logarithm of its size, ``kps`` the offsets of
    the landmarks, all in cells (OpenCV's face_detect.cpp).
    """
    boxes, landmarks, scores = [], [], []
    for stride, cls, obj, bbox, kps in zip(STRIDES, *(maps[n] for n in _MAPS), strict=True):
        score = np.sqrt(cls * obj)[:, :, 0]
        rows, columns = np.nonzero(score >= threshold)
        cells = np.stack([columns, rows], axis=1).astype(np.float32)
        found = bbox[rows, columns]
        sizes = np.exp(found[:, 2:]) * stride
        corners = (cells + found[:, :2]) * stride - sizes / 2
        boxes.append(np.concatenate([corners, sizes], axis=1))
        points = kps[rows, columns].reshape(-1, 5, 2)
        landmarks.append((cells[:, np.newaxis] + points) * stride)
        scores.append(score[rows, columns])
    box, points, score = (np.concatenate(each) for each in (boxes, landmarks, scores))
    edges = np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
    kept = tf.image.non_max_suppression(edges, score, _MAX_FACES, iou_threshold=_SAME_FACE)
    return [Face(box[i], points[i], float(score[i])) for i in kept.numpy()]
