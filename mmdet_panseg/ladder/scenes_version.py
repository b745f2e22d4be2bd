"""The same rung for the embedded scenes, by rules in place of a second set of configs.

A root names the config of its model for the scenes (``ablation = dict(scenes=...)``). What a rung changes is the
difference of its resolved config from the config that its root inherits, so that the root's own settings count as
changes too. Each changed key is taken over to the scenes' config by the first rule that fits:

=============================================  =====================================================================
changed key                                    in the scenes' config
=============================================  =====================================================================
``model.data_preprocessor``,                   stays: these belong to the weights that the backbone starts from
``model.backbone``
``model...`` ``num_classes``, ``num_grids``,   stays: these belong to the data and to the size of the model
``scale_ranges``, ``in_channels``,
``feat_channels``, ``out_channels``,
``stacked_convs``, ``num_things``, ``num_stuff``
``model...`` ``loss_weight``,                  changed in the same ratio, so that lower is lower there as well
``min_thing_area``, ``min_stuff_area``
any other key of ``model``                     changed in the same way
``optim_wrapper.paramwise_cfg``                changed in the same way
``train_cfg.max_epochs``                       ``max_iters`` in the same ratio
the training pipeline, ``RandomResize`` in     ``RandomResize``, its short sides in the same ratio to the scenes'
place of ``Resize``                            ``Resize``, and a long side that does not limit them
the training pipeline, a transform of a type   added behind the same one, with the same arguments: areas in pixels
that is not there                              are not scaled
the training pipeline, arguments of a          changed in the same way for the transform of that type
transform that stays
helpers that no run depends on                 ignored
=============================================  =====================================================================

Any other change has no rule and is an error: it must not be dropped in silence. A rung with ``ablation.scenes=None``
and those below it have no version for the scenes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmdet_panseg.errors import ConfigError

from .config_changes import ABSENT, Change, apply_changes, config_changes
from .iterations import scale_iterations
from .rungs import RUN_KEYS, Ladder, Rung

_WEIGHTS = {'data_preprocessor', 'backbone'}
_DATA = {
    *('num_classes', 'num_things', 'num_stuff', 'num_grids', 'scale_ranges'),
    *('in_channels', 'feat_channels', 'out_channels', 'stacked_convs'),
}
_IN_RATIO = {'loss_weight', 'min_thing_area', 'min_stuff_area'}
_REMEDY = (
    'set ablation.scenes=None, so that it is trained on its own data only, or add a rule to '
    'mmdet_panseg/ladder/scenes_version.py'
)
_PIPELINE = ('train_dataloader', 'dataset', 'pipeline')


def scenes_config(ladder: Ladder, rung: Rung) -> dict[str, Any]:
    """Give a rung's resolved config for the embedded scenes, by the rules of this module.

    Args:
        ladder: The ladder.
        rung: One of its rungs.

    Returns:
        The config; ``ablation`` is the rung's.

    Raises:
        ConfigError: If the root names no config for the scenes, the rung is not for them, or a change has no rule.
    """
    root = ladder.lineage(rung)[-1]
    name = root.ablation.get('scenes')
    path = root.path.parent / str(name)
    if name is None or not path.is_file():
        raise ConfigError(
            f"{root.path}: ablation.scenes={name!r} is no config file; name the scenes' config of the model there, or "
            'take the data of the configs with --data own.'
        )
    if not rung.for_scenes:
        raise ConfigError(f'{rung.path}: not for the scenes, as its ablation.scenes=None says.')
    config = copy.deepcopy(ladder.outside_config(path))
    changes = {
        key: change for key, change in config_changes(root.parent_config, rung.config).items() if key[0] in RUN_KEYS
    }
    pipeline = changes.pop(_PIPELINE, None)
    epochs = changes.pop(('train_cfg', 'max_epochs'), None)
    if epochs:
        scale_iterations(config, round(config['train_cfg']['max_iters'] * epochs.new / epochs.old))
    unruled = [key for key in changes if not _has_rule(key)]
    if unruled:
        keys = ', '.join('.'.join(key) for key in sorted(unruled))
        raise ConfigError(f'{rung.path}: no rule takes {keys} over to the scenes; {_REMEDY}.')
    carried = {
        key: _in_ratio(key, change, config, rung) if key[-1] in _IN_RATIO else change
        for key, change in changes.items()
        if not _stays(key)
    }
    apply_changes(config, carried)
    if pipeline:
        transforms = config['train_dataloader']['dataset']['pipeline']
        _change_pipeline(transforms, pipeline, rung)
    config['ablation'] = dict(rung.ablation)
    return config


def _has_rule(key: tuple[str, ...]) -> bool:
    return key[0] == 'model' or key[:2] == ('optim_wrapper', 'paramwise_cfg')


def _stays(key: tuple[str, ...]) -> bool:
    return key[0] == 'model' and (key[1] in _WEIGHTS or key[-1] in _DATA)


def _in_ratio(key: tuple[str, ...], change: Change, config: Mapping[str, Any], rung: Rung) -> Change:
    """Change a number of the scenes' config in the ratio in which it was changed."""
    known: Any = config
    for part in key:
        known = known.get(part, ABSENT) if isinstance(known, Mapping) else ABSENT
    values = (change.old, change.new, known)
    if not all(isinstance(value, (int, float)) for value in values) or change.old == 0:
        raise ConfigError(
            f'{rung.path}: no rule takes {".".join(key)} over to the scenes: it is carried over in its ratio, which '
            f'{change.old!r}, {change.new!r} and the {known!r} there do not have.'
        )
    scaled = known * change.new / change.old
    return Change(known, round(scaled) if isinstance(known, int) else scaled)


def _change_pipeline(transforms: list[dict[str, Any]], change: Change, rung: Rung) -> None:
    """Repeat the change of a pipeline in that of the scenes, in place."""
    old, new = change
    kept = _kept_transforms(old, new)
    if len(old) != len(kept):
        raise ConfigError(f'{rung.path}: no rule takes repeated or removed transforms over to the scenes.')
    for before, after in zip(old, kept, strict=True):
        if before == after:
            continue
        place = _place_of(before['type'], transforms, rung)
        scenes = transforms[place]
        if before['type'] == after['type'] and 'scale' not in config_changes(before, after):
            apply_changes(scenes, config_changes(before, after))
        elif (before['type'], after['type']) == ('Resize', 'RandomResize'):
            transforms[place] = _scaled_random_resize(before, after, scenes)
        else:
            raise ConfigError(
                f'{rung.path}: no rule takes {after["type"]} in place of {before["type"]} over to the scenes.'
            )
    for before, after in zip([None, *new], new, strict=False):
        if after not in kept:
            place = _place_of(before['type'], transforms, rung) + 1 if before else 0
            transforms.insert(place, copy.deepcopy(dict(after)))


def _kept_transforms(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the transforms of a longer pipeline without those of types that the shorter one has not."""
    known = {transform['type'] for transform in old}
    return [transform for transform in new if transform['type'] in known] if len(new) > len(old) else new


def _place_of(kind: str, transforms: list[dict[str, Any]], rung: Rung) -> int:
    places = [place for place, known in enumerate(transforms) if known['type'] == kind]
    if len(places) != 1:
        raise ConfigError(f"{rung.path}: the scenes' pipeline does not have one {kind}.")
    return places[0]


def _scaled_random_resize(
    before: Mapping[str, Any], after: Mapping[str, Any], scenes: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the scenes' ``RandomResize``; scales are (long side, short side)."""
    ratios = [min(scale) / min(before['scale']) for scale in after['scale']]
    long_side = round(max(scenes['scale']) * max(1.0, *ratios))
    scales = [(long_side, round(min(scenes['scale']) * ratio)) for ratio in ratios]
    return {**copy.deepcopy(dict(after)), 'scale': scales}


def not_taken_over(rung: Rung) -> list[str]:
    """List the keys that a rung changes against its parent and that stay as they are for the scenes."""
    changes = config_changes(rung.parent_config, rung.config)
    return ['.'.join(key) for key, change in changes.items() if _stays(key) and change.new is not ABSENT]
