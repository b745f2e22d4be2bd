"""What the writers of all formats have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from mmdet_panseg.apis.inference.prediction import ClassNames, Prediction
from mmdet_panseg.errors import ConfigError

SHAPES = ('masks', 'polygons')


class PreAnnotationWriter(ABC):
    """Write predictions in one format, image by image.

    Args:
        folder: Where the files go.
        classes: The classes.
        image_root: Folder of the images, or a URL that the names of images are added to; None if neither is known.
        shapes: ``'masks'`` (exact) or ``'polygons'``, where a format has both.
        model_version: Who made the predictions.

    Attributes:
        outputs: Files and folders that the format writes, relative to ``folder``.
        shape_choices: What ``shapes`` may be.
        next_step: What to do with the files, for the user.
    """

    outputs: tuple[str, ...]
    shape_choices: tuple[str, ...] = SHAPES
    next_step: str

    def __init__(
        self,
        folder: Path,
        classes: ClassNames,
        image_root: str | Path | None = None,
        shapes: str = 'masks',
        model_version: str = 'mmdet_panseg',
    ) -> None:
        self.folder = folder
        self.classes = classes
        self.image_root = image_root
        self.shapes = shapes
        self.model_version = model_version

    @classmethod
    def check(cls, folder: Path, overwrite: bool) -> None:
        """Refuse to write over what is there.

        Raises:
            ConfigError: If one of the outputs exists, and ``overwrite`` is not set.
        """
        there = [str(folder / name) for name in cls.outputs if (folder / name).exists()]
        if there and not overwrite:
            raise ConfigError(
                f'{", ".join(there)}: exists already; choose another folder, or replace it with --overwrite.'
            )

    @abstractmethod
    def add(self, prediction: Prediction) -> int:
        """Write an image and give the number of its objects; all of it or, where that fails, nothing."""

    def close(self) -> None:  # noqa: B027, files of single images need no end
        """Finish the files, with what has been added so far."""
