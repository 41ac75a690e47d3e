"""Pictures that stand in a page or a JSON file."""

import base64
import io
from typing import Any

from PIL import Image


def data_url(picture: Image.Image, form: str, **options: Any) -> str:
    """The ``data:`` address of a picture in a format such as PNG, by Pillow's options for it."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
