"""What the runs of a ladder have in common, beside their rungs and seeds."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config

from mmdet_panseg.engine import use_mixed_precision
from mmdet_panseg.engine.config import apply_options, warn_of_unknown_options
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.rungs import Ladder, Rung, digest_of
from mmdet_panseg.ladder.scenes_version import scenes_config


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
        data = [f'--data {self.data}'] if self.data != 'scenes' else []
        return ' '.join([*data, *(['--amp'] if self.amp else []), *(['--cfg-options', *options] if options else [])])

    def config(self, ladder: Ladder, rung: Rung) -> dict[str, Any]:
        """Give the resolved config of a rung with these settings but the length.

        Raises:
            ConfigError: If the rung has no version for the data, or an option cannot be merged.
        """
        config = Config(self._plain_config(ladder, rung))
        apply_options(config, self.options, rung.path)
        if self.amp:
            use_mixed_precision(config)
        return config.to_dict()

    def takes(self, rung: Rung) -> bool:
        """Whether a rung is for these data; below a root, ``ablation.scenes=None`` says that it is not for scenes."""
        return self.data != 'scenes' or rung.parent is None or rung.ablation.get('scenes', 'named nowhere') is not None

    def chosen(self, ladder: Ladder, only: Collection[str] | None) -> set[str]:
        """Give the names of the rungs to look at.

        Args:
            ladder: The rungs.
            only: Names of those that are asked for; None for all that are for these data.

        Raises:
            ConfigError: If a rung that is asked for is not known or not for these data.
        """
        ladder.require_rungs(only or ())
        names = set(only or ladder.rungs)
        others = {name for name in names if not self.takes(ladder.rungs[name])}
        if only and others:
            raise ConfigError(
                f'--only {" ".join(sorted(others))}: not for the scenes, as ablation.scenes=None says; train it with '
                'the command that `ladder.py plan` prints, or with --data own if it counts iterations.'
            )
        return names - others

    def rung_digest(self, ladder: Ladder, rung: Rung) -> str:
        """Give a text that changes when the rung's config for these data does, whatever the other settings."""
        return digest_of(self._plain_config(ladder, rung))

    def warn_of_unknown_options(self, ladder: Ladder) -> None:
        """Name options that the root's config has no key for, so that they are added to all."""
        for root in ladder.children(None):
            warn_of_unknown_options(self._plain_config(ladder, root), self.options)

    def _plain_config(self, ladder: Ladder, rung: Rung) -> dict[str, Any]:
        return scenes_config(ladder, rung) if self.data == 'scenes' else copy.deepcopy(rung.config)
