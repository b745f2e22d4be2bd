"""The part of a config that an error comes from, read from the frames that the error went through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.registry import build_from_cfg
from mmengine.runner import Runner

from .one_line import frames_of, in_one_line, place_of
from .parts import class_of, parts_of_run


def failed_part(error: BaseException, config: Mapping[str, Any]) -> str | None:
    """Name the part of a config that failed: its constructor, before the first step was done, or in an evaluation.

    Args:
        error: What was raised.
        config: The config.

    Returns:
        Key and class of the part, the error and the line that raised it; None for an error of another kind.
    """
    frames = [frame for frame, _ in frames_of(error)]
    cause = error.__cause__ or error.__context__
    if frames and frames[0].f_code is Runner.call_hook.__code__ and cause:  # which adds the hook's name
        return failed_part(cause, config)
    if not (_is_early(frames) or _is_of_evaluation(frames)):
        return None
    loop = _loop_of(frames)
    parts = sorted(parts_of_run(config), key=lambda part: not part[0].startswith(loop))
    found = next(filter(None, (_key_of(frame, parts) for frame in frames)), None)
    text = f'{in_one_line(error)}{place_of(error)}'
    return text if found is None else f'{found}: {text}'


def _is_early(frames: list[FrameType]) -> bool:
    """Whether something is built, or a runner has not done a step."""
    if any(frame.f_code is build_from_cfg.__code__ for frame in frames):
        return True
    runners = [owner for owner in map(_owner, frames) if isinstance(owner, Runner)]
    return bool(runners) and not getattr(getattr(runners[0], '_train_loop', None), 'iter', 0)


def _is_of_evaluation(frames: list[FrameType]) -> bool:
    """Whether something is judged, which a training has not done before."""
    return any(frame.f_code is Evaluator.evaluate.__code__ for frame in frames)


def _loop_of(frames: list[FrameType]) -> str:
    """Find out which data are read, since those of the loops are often alike."""
    owners = [_owner(frame) for frame in frames]
    runner = next((owner for owner in owners if isinstance(owner, Runner)), None)
    for name in ('train', 'val'):
        loop = getattr(runner, f'_{name}_loop', None)
        if any(owner is part for part in _parts_of(loop) for owner in owners):
            return name
    return 'test' if any(frame.f_code is Runner.test.__code__ for frame in frames) else 'train'


def _parts_of(loop: Any) -> Iterator[Any]:
    if hasattr(loop, 'dataloader'):  # built
        yield loop.dataloader.dataset
    if hasattr(loop, 'evaluator'):
        yield loop.evaluator


def _key_of(frame: FrameType, parts: list[tuple[str, Mapping[str, Any]]]) -> str | None:
    """Give key and class of the part that a frame builds, or whose method it is."""
    if frame.f_code is build_from_cfg.__code__:
        settings = frame.f_locals['cfg']
        kind = settings.get('type') if isinstance(settings, Mapping) else None
    else:
        settings, kind = {}, type(_owner(frame))
    cls = class_of(kind)
    alike = [(where, part) for where, part in parts if cls is not None and class_of(part['type']) is cls]
    if not alike:
        return None
    where, _ = max(alike, key=lambda found: sum(1 for _ in _shared(found[1], settings)))
    return f'{where} ({cls.__name__})'


def _shared(part: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """Give the settings that are the same: a part gets more on its way, such as the number of classes."""
    return (key for key, value in part.items() if key in settings and settings[key] == value)


def _owner(frame: FrameType) -> Any:
    return frame.f_locals.get('self')
