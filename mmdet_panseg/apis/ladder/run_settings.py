"""What the runs of a ladder have in common, beside their rungs and seeds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config

from mmdet_panseg.engine import apply_options, unknown_key_warning, use_mixed_precision
from mmdet_panseg.errors import ConfigError

from .rungs import Ladder, Rung
from .scenes_version import scenes_config


@dataclass(frozen=True)
class RunSettings:
    """Settings of all runs.

    Attributes:
        data: ``'scenes'`` for the rungs' versions for the embedded scenes, ``'own'`` for the data of their configs.
        max_iters: Length of the root's training; that of the others scales with it. None keeps the configs' own.
        amp: Whether to train in mixed precision.
        options: Values by dotted key that are set in every config.
    """

    data: str = 'scenes'
    max_iters: int | None = None
    amp: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Settings that change a run beside its length, as they are given on the command line."""
        options = [f'{key}={value}' for key, value in sorted(self.options.items())]
        return ' '.join([*(['--amp'] if self.amp else []), *(['--cfg-options', *options] if options else [])])

    def config(self, ladder: Ladder, rung: Rung) -> dict[str, Any]:
        """Give the config of a rung with these settings but the length.

        Args:
            ladder: The ladder.
            rung: One of its rungs.

        Returns:
            The resolved config.

        Raises:
            ConfigError: If the rung has no version for the data, or an option cannot be set.
        """
        config = Config(scenes_config(ladder, rung) if self.data == 'scenes' else copy.deepcopy(rung.config))
        if rung.parent is None:  # a rung may lack what its root has
            self._require_known_options(config)
        apply_options(config, self.options, rung.path)
        if self.amp:
            use_mixed_precision(config)
        return config.to_dict()

    def _require_known_options(self, root: Config) -> None:
        unknown = [unknown_key_warning(root.to_dict(), key) for key in self.options]
        if any(unknown):
            raise ConfigError('\n'.join(text for text in unknown if text))
