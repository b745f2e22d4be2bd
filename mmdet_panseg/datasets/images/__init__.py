"""Reading of image files, and what happens with those that cannot be used."""

from __future__ import annotations

from .checked_image import LoadCheckedImage
from .skipped_samples import SkippedSamples
from .skips_broken_images import SkipsBrokenImages

__all__ = ['LoadCheckedImage', 'SkippedSamples', 'SkipsBrokenImages']
