"""Settings that decide every byte of a scenes data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass

# Raised whenever the same settings would give other pictures or other annotations.
GENERATOR_VERSION = 1

SPLITS = ('train', 'val')
MIN_SIDE = 32


@dataclass(frozen=True)
class SceneSettings:
    """What a data set of scenes is made from.

    Args:
        num_train: Number of training images.
        num_val: Number of validation images.
        width: Image width in pixels.
        height: Image height in pixels.
        seed: Non-negative seed; image k of a split depends on the seed, the split, k and the size alone.
        max_things: Largest number of separate things placed in an image, before hidden ones are dropped.
        min_size: Smallest size of a thing in pixels (square root of the area of its box).

    Raises:
        ValueError: A setting is out of its range; the message names it.
    """

    num_train: int
    num_val: int
    width: int = 320
    height: int = 256
    seed: int = 0
    max_things: int = 12
    min_size: int = 8

    def __post_init__(self) -> None:
        floors = dict(num_train=0, num_val=0, width=MIN_SIDE, height=MIN_SIDE, seed=0, max_things=1, min_size=6)
        for name, floor in floors.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f'scenes: {name} must be an integer, not {value!r}')
            if value < floor:
                raise ValueError(f'scenes: {name} must be at least {floor}, not {value}')
        if self.min_size > self.max_size:
            raise ValueError(
                f'scenes: min_size={self.min_size} is above half the size of a {self.width}x{self.height} image '
                f'({self.max_size:.0f} px): lower it or make larger images'
            )

    @property
    def max_size(self) -> float:
        """Largest size of a thing in pixels: half the square root of the image's area."""
        return 0.5 * (self.width * self.height) ** 0.5

    def num_images(self, split: str) -> int:
        """Give the number of images of ``'train'`` or ``'val'``."""
        return {'train': self.num_train, 'val': self.num_val}[split]

    def to_dict(self) -> dict[str, int]:
        """All settings and the generator's version, as written to ``annotations/settings.json``."""
        return dict(generator_version=GENERATOR_VERSION, **asdict(self))
