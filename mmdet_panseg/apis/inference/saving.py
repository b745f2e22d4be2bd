"""Write predictions into a folder while they are made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Protocol

from mmengine.logging import print_log
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .errors import SourceError
from .output import ResultFolder, VideoFile
from .output.result_folder import choose_outputs, require_writable
from .pictures import PICTURE_SIDE, draw_prediction, drawn_objects
from .prediction import Prediction
from .sources import Source, SourceImage, VideoSource
from .sources.webcam import WebcamSource
from .steady_numbers import SteadyNumbers
from .tiling import OnRow

_OF_IMAGES = ('pictures', 'instances', 'semantic', 'panoptic')
# A PNG for each frame is what few want of a video.
_OF_VIDEOS = ('pictures', 'instances')
_LONGEST_LEGEND = 30


class PredictedSource(Protocol):
    """Predictions on a source, see :class:`~mmdet_panseg.apis.inference.Predictions`."""

    source: Source

    def with_images(self, on_row: OnRow | None = None) -> Iterator[tuple[SourceImage, Prediction]]:
        """Give images and what was found in them."""


def save_predictions(
    predictions: PredictedSource,
    folder: str | Path,
    outputs: Sequence[str] | None = None,
    side_by_side: bool = False,
    picture_side: int = PICTURE_SIDE,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write predictions as they come; what was written stays if the run is interrupted.

    Written are, as far as the model gives them: ``pictures/``, or ``<video>.mp4`` for videos and cameras;
    ``instances.json``, a COCO file of images, classes and instances with scores; ``semantic/``, PNG files of labels
    with 255 for void; ``panoptic/`` and ``panoptic.json``, COCO's panoptic format. Of a video, maps are written on
    request.

    Args:
        predictions: The predictions.
        folder: Where to write.
        outputs: Some of ``'pictures'``, ``'instances'``, ``'semantic'``, ``'panoptic'``.
        side_by_side: Whether pictures show the photograph beside what was found.
        picture_side: Longest side of pictures in pixels; larger photographs are reduced.
        overwrite: Whether files of an earlier run may be replaced.
        progress: Whether to show a bar.

    Returns:
        The folder.

    Raises:
        OutputError: If the folder is not empty, or the model does not give what was asked for.
        SourceError: If nothing can be read.
    """
    folder = Path(folder)
    require_writable(folder, overwrite)
    source = predictions.source
    is_video = isinstance(source, (VideoSource, WebcamSource))
    with ExitStack() as stack:
        bar = stack.enter_context(_bar(progress))
        pairs = _under_bar(predictions, bar)
        first = next(pairs, None)
        if first is None:
            raise SourceError('the source gives no image.')
        outputs = choose_outputs(first[1], outputs, _OF_VIDEOS if is_video else _OF_IMAGES)
        files = stack.enter_context(ResultFolder(folder, first[1].classes, outputs))
        video = None
        if is_video and 'pictures' in outputs:
            name = source.path.stem if isinstance(source, VideoSource) else f'camera_{source.number}'
            video = stack.enter_context(VideoFile(folder / f'{name}.mp4', source.frame_rate))
        steady = SteadyNumbers() if is_video else None
        count = 0
        for image, prediction in chain([first], pairs):
            picture = None
            if 'pictures' in outputs:
                picture = _draw(prediction, side_by_side, picture_side, steady)
            if video is not None:
                video.write(picture, image.time)
            files.write(prediction, None if is_video else picture)
            count += 1
    _report(folder, count, source.left_out)
    return folder


def _draw(prediction: Prediction, side_by_side: bool, longest_side: int, steady: SteadyNumbers | None):
    if steady is None:
        return draw_prediction(prediction, side_by_side, longest_side)
    # All classes, or none: the pictures of a video have one size.
    names = prediction.classes.names
    legend_of = range(len(names)) if len(names) <= _LONGEST_LEGEND else ()
    numbers = steady(*drawn_objects(prediction))
    return draw_prediction(prediction, side_by_side, longest_side, numbers, legend_of)


def _bar(progress: bool) -> Progress:
    """Make a bar that is drawn on a terminal alone."""
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not (progress and console.is_terminal))


def _under_bar(predictions: PredictedSource, bar: Progress) -> Iterator[tuple[SourceImage, Prediction]]:
    """Go through the predictions and advance a bar; of large images it tells the row of tiles."""
    task = bar.add_task('predicting', total=len(predictions.source) or None)

    def tell_row(row: int, rows: int) -> None:
        bar.update(task, description=f'predicting, row of tiles {row}/{rows}')

    for pair in predictions.with_images(tell_row):
        yield pair
        bar.advance(task)


def _report(folder: Path, count: int, left_out: list[str]) -> None:
    print_log(f'predictions on {count} image{"" if count == 1 else "s"} written to {folder}', logger='current')
    if left_out:
        print_log(
            f'{len(left_out)} could not be read and were left out, among them: {"; ".join(left_out[:3])}',
            logger='current',
            level=logging.WARNING,
        )
