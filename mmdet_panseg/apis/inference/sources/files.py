"""Image files as a source."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.logging import print_log

from mmdet_panseg.apis.inference.errors import SourceError
from mmdet_panseg.datasets import LoadCheckedImage
from mmdet_panseg.datasets.errors import BrokenImageError

from .arrays import bgr_image
from .source import Source, SourceImage

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm', '.jp2', '.dib', '.gif')
_OF_ANNOTATIONS = ', or remove it from the annotation file'


@dataclass
class FileSource(Source):
    """Image files. One that cannot be read is named and left out, unless it is the only one.

    Attributes:
        paths: The files.
        root: Folder that names are relative to.
        loader: What reads a file, as the config says it; EXIF's rotation is applied.
    """

    paths: Sequence[Path]
    root: Path
    loader: LoadCheckedImage = field(default_factory=LoadCheckedImage)

    def __iter__(self) -> Iterator[SourceImage]:
        """Read the files.

        Raises:
            SourceError: If none of them can be read.
        """
        self.left_out = []
        for path in self.paths:
            try:
                pixels = self.loader.transform(dict(img_path=str(path)))['img']
            except BrokenImageError as error:
                self._leave_out(str(error).replace(_OF_ANNOTATIONS, ''))
                continue
            yield SourceImage(path.relative_to(self.root).as_posix(), bgr_image(pixels) if pixels.ndim == 3 else pixels)
        if len(self.left_out) == len(self.paths) > 1:
            raise SourceError(f'none of the {len(self.paths)} images in {self.root} can be read: {self.left_out[0]}')

    def __len__(self) -> int:
        return len(self.paths)

    def _leave_out(self, fault: str) -> None:
        if len(self.paths) == 1:
            raise SourceError(fault)
        self.left_out.append(fault)
        print_log(f'left out: {fault}', logger='current', level=logging.WARNING)
