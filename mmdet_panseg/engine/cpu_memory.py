"""Memory on the CPU: kept in a training, handed back in predictions on large images."""

from __future__ import annotations

import ctypes
import os
import sys

from mmengine.device import get_device

# Parameters of glibc's mallopt, from its malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let a training on the CPU reuse the memory of its last step.

    glibc hands large blocks back to the kernel as soon as they are free, so that every step pays for fresh, zeroed
    pages of each feature map: a tenth of a step at 320×256 and more at 640×640, where maps pass glibc's largest
    threshold of 32 MiB. Does nothing with an accelerator, with another C library, or where the user has set
    a variable ``MALLOC_*`` of the environment.

    Returns:
        Whether the process now keeps what is freed.
    """
    if get_device() != 'cpu' or not sys.platform.startswith('linux'):
        return False
    if any(name.startswith('MALLOC_') for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _LARGEST_INT))


def hand_back_freed_memory() -> None:
    """Hand the kernel back what glibc keeps between blocks that are in use.

    Small results that stay, made among large blocks that come and go, leave holes: some 30 MB a row of 39 tiles of 640
    pixels, which would double the memory of an image of 20,000 by 20,000. Does nothing with another C library.
    """
    if sys.platform.startswith('linux'):
        trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
        if trim is not None:
            trim(0)
