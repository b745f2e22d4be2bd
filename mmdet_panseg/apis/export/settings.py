"""What the reader of an exported model has to know, and finds in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from torch import nn

from mmdet_panseg.apis.inference.prediction import ClassNames
from mmdet_panseg.version import __version__

from .errors import ExportError

KEY = 'panseg'
"""Name of the settings among the metadata of an ONNX file; JSON."""

_RESIZE = 'Resize'
_LOADERS = ('LoadImageFromFile', 'LoadCheckedImage')
# Steps that leave the image as it is.
_OTHERS = (
    'LoadAnnotations',
    'LoadBoxedAnnotations',
    'LoadPanopticSegments',
    'PackDetInputs',
    'PackPanopticInputs',
    'Collect',
    'MapSemanticLabels',
)
_OTHER_EDITS = ('RemoveCrowds', 'FilterCategories', 'SplitStuffIslands', 'FixClassGT')
_THRESHOLDS = ('score_thr', 'mask_thr', 'filter_thr', 'nms_pre', 'max_per_img', 'max_cells')
_FUSION = (
    *('score_thr', 'min_visible', 'min_thing_area', 'min_stuff_area', 'min_agreement'),
    *('unclaimed', 'min_vote', 'semantic_share', 'stuff_instances'),
)


def settings_of(model: nn.Module, config: Config, classes: ClassNames) -> dict[str, Any]:
    """Collect what is to be known of a model beside its graph.

    Args:
        model: The detector.
        config: Its config, with the test pipeline.
        classes: Its classes.

    Returns:
        ``classes``, ``num_things``, ``num_stuff``, ``palette`` (RGB of each class); how an image is read, resized and
        normalised: ``rotate`` (EXIF), ``bit_depth``, ``resize``, ``channel_order``, ``mean``, ``std``; ``size_divisor``
        and ``pad_value``, by which the graph itself pads; thresholds in ``instances`` and ``fusion``, None without such
        a head. Plain values.

    Raises:
        ExportError: If the test pipeline does with images what the reader cannot do.
    """
    preprocessor, semantic = model.data_preprocessor, getattr(model, 'semantic_head', None)
    head, fusion = model.mask_head, getattr(model, 'fusion_head', None)
    return dict(
        written_by=f'mmdet_panseg {__version__}',
        classes=[str(name) for name in classes.names],
        num_things=classes.num_things,
        num_stuff=len(classes.names) - classes.num_things,
        palette=[list(color) for color in classes.palette],
        **reading_rule(get_test_pipeline_cfg(config)),
        channel_order='RGB' if preprocessor._channel_conversion else 'BGR',
        mean=_channel_values(preprocessor, 'mean', 0.0),
        std=_channel_values(preprocessor, 'std', 1.0),
        size_divisor=preprocessor.pad_size_divisor,
        pad_value=float(preprocessor.pad_value),
        merge_things=bool(semantic is not None and semantic.merge_things),
        instances=None if head is None else {key: getattr(head.predictor, key) for key in _THRESHOLDS},
        fusion=None if fusion is None else {key: getattr(fusion, key) for key in _FUSION},
    )


def _channel_values(preprocessor: nn.Module, name: str, default: float) -> list[float]:
    values = getattr(preprocessor, name, None)
    return [default] * 3 if values is None else [float(value) for value in values.flatten()]


def reading_rule(pipeline: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tell how a test pipeline reads and resizes images.

    Args:
        pipeline: Its steps.

    Returns:
        ``rotate``, ``bit_depth`` and ``resize``: None, or ``scale`` (width, height) in pixels and ``keep_ratio``.

    Raises:
        ExportError: If it does something else with images.
    """
    rule: dict[str, Any] = dict(rotate=True, bit_depth=16, resize=None)
    for step in pipeline:
        name = str(getattr(step['type'], '__name__', step['type'])).split('.')[-1]
        if name in _LOADERS:
            rule.update(_loading(step))
        elif name == _RESIZE:
            rule['resize'] = _resize(step)
        elif name not in (*_OTHERS, *_OTHER_EDITS):
            raise ExportError(
                f'test_dataloader.dataset.pipeline: the exported model has no step like {name}; it reads, resizes and '
                'normalises images: leave the step out of the test pipeline.'
            )
    return rule


def _loading(step: Mapping[str, Any]) -> dict[str, Any]:
    color_type = step.get('color_type', 'color')
    if color_type not in ('color', 'color_ignore_orientation'):
        raise ExportError(
            f"test_dataloader.dataset.pipeline: color_type = {color_type!r}, but exported models read 'color'."
        )
    return dict(rotate=color_type == 'color', bit_depth=step.get('bit_depth', 16))


def _resize(step: Mapping[str, Any]) -> dict[str, Any]:
    scale, interpolation = step.get('scale'), step.get('interpolation', 'bilinear')
    if scale is None or interpolation != 'bilinear' or step.get('backend', 'cv2') != 'cv2':
        raise ExportError(
            'test_dataloader.dataset.pipeline: Resize of an exported model has a scale and is bilinear: set '
            'scale=(width, height), and no interpolation or backend.'
        )
    scale = (scale, scale) if isinstance(scale, int) else scale
    return dict(scale=[int(side) for side in scale], keep_ratio=bool(step.get('keep_ratio', False)))
