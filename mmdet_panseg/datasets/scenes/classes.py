"""Class names of the scenes, in the order of their category ids (1-based, things first)."""

from __future__ import annotations

THING_CLASSES = ('disc', 'box', 'triangle', 'star', 'ring', 'crescent', 'ell', 'digit')
STUFF_CLASSES = ('sky', 'water', 'grass', 'road', 'brick')

# RGB, things then stuff, for drawings and for the colours of the panoptic PNGs.
PALETTE = (
    (220, 20, 60),
    (190, 110, 40),
    (160, 60, 200),
    (250, 200, 30),
    (40, 90, 230),
    (240, 150, 170),
    (20, 170, 150),
    (250, 90, 20),
    (110, 180, 230),
    (30, 90, 150),
    (80, 150, 50),
    (120, 115, 120),
    (150, 75, 60),
)
