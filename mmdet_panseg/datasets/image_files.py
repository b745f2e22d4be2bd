"""Whether the image files of a data set are there."""

from __future__ import annotations

import os
import os.path as osp
from collections import defaultdict
from collections.abc import Sequence


def find_missing_files(paths: Sequence[str]) -> list[str]:
    """Finds paths that do not exist, with one listing a folder instead of one look-up a file.

    Args:
        paths: Paths of files.

    Returns:
        The paths that are no file, in their order.
    """
    listings: dict[str, set[str]] = defaultdict(set)
    for folder in {osp.dirname(path) for path in paths}:
        if osp.isdir(folder or os.curdir):
            with os.scandir(folder or os.curdir) as entries:
                listings[folder] = {entry.name for entry in entries}
    # A listing may spell a name otherwise (capitals, Unicode forms) than a file system that opens it all the
    # same.
    return [path for path in paths if osp.basename(path) not in listings[osp.dirname(path)] and not osp.isfile(path)]
