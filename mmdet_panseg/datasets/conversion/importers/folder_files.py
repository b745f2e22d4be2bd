"""The files below a folder, and which image a name in an annotation file means."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_headers import IMAGE_SUFFIXES

MADE_HERE = 'panseg_new.json'
"""A file that marks folders of converted annotations, which are no source."""

SPLIT_NAMES = {
    'train': 'train',
    'training': 'train',
    'val': 'val',
    'valid': 'val',
    'validation': 'val',
    'test': 'test',
    'testing': 'test',
}
"""Names of splits, and what they mean."""


@dataclass
class FolderFiles:
    """Files below a folder, sorted; hidden ones and folders that ``panseg new`` made are left out.

    Attributes:
        root: The folder, absolute.
        images: Image files.
        others: Other files by their suffix in small letters, such as ``'.json'``.
    """

    root: Path
    images: list[Path] = field(default_factory=list)
    others: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self.images:
            self._by_name[path.name].append(path)

    def find_image(self, name: str, near: Path | None = None) -> Path | None:
        """Find the image that an annotation file names.

        Args:
            name: A path, of which the end that fits decides; slashes may be turned.
            near: Folder of the annotation file: of several images of the name that in it is meant.

        Returns:
            The image; None if there is none of that name.

        Raises:
            AnnotationFileError: If several fit equally well.
        """
        parts = PurePosixPath(name.replace('\\', '/')).parts
        fitting = self._by_name.get(parts[-1], []) if parts else []
        if near is not None and (near / parts[-1]) in fitting and len(parts) == 1:
            return near / parts[-1]
        for count in range(2, len(parts) + 1):
            closer = [path for path in fitting if path.parts[-count:] == parts[-count:]]
            if not closer:
                break
            fitting = closer
        if len(fitting) > 1:
            # Parts of the name that no folder has are those of another machine; a place at the top is meant then.
            exact = [path for path in fitting if path.relative_to(self.root).parts == parts]
            if len(exact) != 1:
                listed = shown([path.relative_to(self.root).as_posix() for path in fitting])
                raise AnnotationFileError(
                    f"Image '{name}' may be {len(fitting)} files of '{self.root}' ({listed}): give them different "
                    'names, or write their folders in the annotations.'
                )
            fitting = exact
        return fitting[0] if fitting else None

    def summary(self) -> str:
        """Say what there is, for an error text."""
        counts = Counter(path.suffix.lower() for path in self.images)
        counts.update({suffix: len(paths) for suffix, paths in self.others.items()})
        kinds = ', '.join(f'{count} {suffix or "without suffix"}' for suffix, count in counts.most_common(8))
        names = [path.relative_to(self.root).as_posix() for paths in self.others.values() for path in paths]
        return f'{kinds or "no files"}' + (f' ({shown(sorted(names))})' if names else '')


def list_files(root: Path) -> FolderFiles:
    """List the files below a folder.

    Args:
        root: The folder.

    Returns:
        Its files.

    Raises:
        MissingDataError: If it does not exist, is no folder or is empty.
    """
    if not root.is_dir():
        what = 'is a file: give the folder that it lies in' if root.is_file() else 'does not exist'
        what += ', and unpack archives' if root.suffix.lower() in ('.zip', '.gz', '.tar', '.7z') else ''
        raise MissingDataError(f"'{root}' {what}.")
    root = root.resolve()
    images: list[Path] = []
    others: dict[str, list[Path]] = defaultdict(list)
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(folder, name)))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith('.') or not path.is_file():
                continue
            suffix = path.suffix.lower()
            (images if suffix in IMAGE_SUFFIXES else others[suffix]).append(path)
    if not images and not others:
        raise MissingDataError(f"The folder '{root}' is empty: give the folder that holds images and annotations.")
    return FolderFiles(root, images, others)


def _is_skipped(folder: Path) -> bool:
    return folder.name.startswith(('.', '__')) or (folder / MADE_HERE).is_file()


def split_of(path: Path, root: Path) -> str | None:
    """Read the split of an image off the folders that it lies in.

    Args:
        path: The image.
        root: Folder to which the names of the folders count.

    Returns:
        ``'train'``, ``'val'``, ``'test'``, or None.
    """
    folders = path.relative_to(root).parent.parts
    return next((SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES), None)
