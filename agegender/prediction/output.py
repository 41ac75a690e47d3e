"""What predictions are written to: pictures, crops and tables in a folder."""

from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from agegender.prediction.drawing import draw, save
from agegender.prediction.predictor import PhotoResult
from agegender.prediction.table import Row, Writer, rows


class Output:
    """Writes each photo's predictions into a folder as they come.

    The folder gets ``predictions.csv`` and ``predictions.json``, the photos with boxes and labels
    in ``pictures``, and in ``crops`` what the model saw.
    """

    def __init__(self, folder: Path | None, crops: bool = False) -> None:
        """Name the folder, which exists and is empty.

        Args:
            folder: None writes nothing.
            crops: whether crops are written.
        """
        self._folder = folder
        self._crops = crops
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._folder:
            self._writer = self._open.enter_context(Writer(self._folder))
            (self._folder / "pictures").mkdir()
            if self._crops:
                (self._folder / "crops").mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._open.close()

    def write(self, result: PhotoResult) -> list[Row]:
        """Write the predictions of a photo, and return its rows."""
        table = list(rows(result))
        if self._folder:
            for row in table:
                self._writer.write(row)
            # A photo's own name, without folders; a zip may come from Windows.
            name = PurePosixPath(result.file.replace("\\", "/")).name
            if result.photo is not None:
                save(draw(result), self._folder / "pictures", name)
            if self._crops:
                for number, face in enumerate(result.faces, 1):
                    save(face.crop, self._folder / "crops", f"{Path(name).stem}-face{number}.png")
        return table
