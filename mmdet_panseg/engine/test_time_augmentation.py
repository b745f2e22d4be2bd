"""Testing on several views of an image: what ``tools/test.py --tta`` makes of a config."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.transforms import LoadImageFromFile, Resize
from mmdet.datasets.transforms import PackDetInputs
from mmdet.models import DetTTAModel
from mmengine.config import Config, ConfigDict

from mmdet_panseg.errors import ConfigError

from .config.parts import is_built_as
from .config.unknown_arguments import datasets_of

_FLIP_KEYS = ('flip', 'flip_direction')


def use_test_time_augmentation(config: Config, scales: Sequence[float] | None = None) -> None:
    """Put a ``tta_model`` around the model, and views of each image into the test data.

    A ``tta_model`` and a ``tta_pipeline`` of the config are taken as they are. Where it has none, that is
    ``PanopticTTAModel``, and the views are those of :func:`augmented_pipeline`.

    Args:
        config: The config, changed in place.
        scales: Sizes of the views as factors of the test size; default the test size alone.

    Raises:
        ConfigError: If the model predicts no masks and has no ``tta_model``, or masks and has ``DetTTAModel``; if
            scales are given beside a ``tta_pipeline``, or the test pipeline cannot be augmented.
    """
    model, tta_model = config.model, config.get('tta_model')
    has_masks = bool({**model, **(model.get('roi_head') or {})}.keys() & {'mask_head', 'semantic_head'})
    if tta_model is None and not has_masks:
        raise ConfigError(
            '--tta: the config has no tta_model, and PanopticTTAModel, which is the default, merges masks, which this '
            "model does not predict; for boxes give the config mmdet's tta_model=dict(type='DetTTAModel', ...)."
        )
    if has_masks and is_built_as(tta_model, DetTTAModel):
        raise ConfigError(
            '--tta: DetTTAModel merges boxes and has no rule for masks; leave tta_model out of the config, and '
            'PanopticTTAModel takes its place.'
        )
    pipeline = config.get('tta_pipeline')
    if pipeline is not None and scales:
        raise ConfigError('--tta-scales: the config states its views in tta_pipeline; leave one of the two out.')
    config.model = ConfigDict(**(tta_model or dict(type='PanopticTTAModel')), module=model)
    for dataset, where in datasets_of(config.test_dataloader, 'test_dataloader'):
        if not {'dataset', 'datasets'} & dataset.keys():
            own = dataset.get('pipeline') or ()
            dataset['pipeline'] = pipeline or augmented_pipeline(own, scales or (1.0,), f'{where}.pipeline')


def augmented_pipeline(
    pipeline: Sequence[Mapping[str, Any]], scales: Sequence[float], where: str = 'test_pipeline'
) -> list[dict[str, Any]]:
    """Make a pipeline that gives each image at several sizes, each as it is and mirrored from left to right.

    What follows the resize is done for each view. Annotations that are loaded there are those of the image file, and
    the sample of the first view has them in any case.

    Args:
        pipeline: The test pipeline.
        scales: Sizes of the views as factors of that of the pipeline's ``Resize``.
        where: Key of the pipeline, for errors.

    Returns:
        The part that loads the image, then a ``TestTimeAug``.

    Raises:
        ConfigError: If a scale is not above 0, or the pipeline loads no image, has no ``Resize`` to take other sizes
            of, or has a ``TestTimeAug`` already.
    """
    wrong = [scale for scale in scales if scale <= 0]
    if wrong:
        raise ConfigError(f'--tta-scales: {wrong[0]:g} should be above 0, such as .83 1 1.2.')
    if any(transform.get('type') == 'TestTimeAug' for transform in pipeline):
        raise ConfigError(f'--tta: {where} has a TestTimeAug; give the config that pipeline as tta_pipeline instead.')
    loads = [place for place, transform in enumerate(pipeline) if is_built_as(transform, LoadImageFromFile)]
    resizes = [place for place, transform in enumerate(pipeline) if is_built_as(transform, Resize)]
    if not loads:
        raise ConfigError(f'--tta: {where} has no LoadImageFromFile, after which views are made; name a tta_pipeline.')
    if not resizes and any(scale != 1 for scale in scales):
        raise ConfigError(f'--tta-scales: {where} has no Resize whose size could be changed; leave the scales out.')
    start, stop = (resizes[0], resizes[0] + 1) if resizes else (loads[0] + 1, loads[0] + 1)
    views = [_scaled(pipeline[start], scale) for scale in scales] if resizes else []
    flips = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]
    rest = [[_with_flip_keys(transform)] for transform in pipeline[stop:]]
    steps = [*([views] if views else []), flips, *rest]
    return [*map(copy.deepcopy, pipeline[:start]), dict(type='TestTimeAug', transforms=steps)]


def _scaled(resize: Mapping[str, Any], factor: float) -> dict[str, Any]:
    resize = copy.deepcopy(dict(resize))
    if resize.get('scale') is not None:
        size = resize['scale']
        sides = (size, size) if isinstance(size, int) else size
        resize['scale'] = tuple(max(1, round(side * factor)) for side in sides)
    else:
        found = resize.get('scale_factor')
        resize['scale_factor'] = (
            tuple(side * factor for side in found) if isinstance(found, Sequence) else found * factor
        )
    return resize


def _with_flip_keys(transform: Mapping[str, Any]) -> dict[str, Any]:
    """Let the last step of a pipeline pack how the view is mirrored."""
    transform = copy.deepcopy(dict(transform))
    if is_built_as(transform, PackDetInputs) and transform.get('meta_keys') is not None:
        transform['meta_keys'] = tuple(dict.fromkeys((*transform['meta_keys'], *_FLIP_KEYS)))
    return transform
