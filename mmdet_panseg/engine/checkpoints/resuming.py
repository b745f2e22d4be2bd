"""Find the checkpoint from which an interrupted run goes on."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from mmengine.logging import print_log

from mmdet_panseg.engine.errors import CheckpointError

from .archive import archive_fault
from .atomic_backend import remove_unfinished_files
from .guard import require_checkpoint_file

LAST_CHECKPOINT = 'last_checkpoint'
_NUMBERED = re.compile(r'(epoch|iter)_\d+\.pth')


def is_complete(path: Path) -> bool:
    """Whether a file is a whole archive of ``torch.save``, in which every entry has its checksum."""
    return archive_fault(path) is None


def find_resume_checkpoint(work_dir: str | Path, out_dir: str | Path | None = None) -> str | None:
    """Find the last complete checkpoint of a run.

    That is the file named in ``last_checkpoint``, looked for beside it first, since the work dir may have
    been moved; or a later complete one of the same training, which was stopped before it could name that; or,
    where the named one is broken or gone, the newest complete ``iter_*.pth`` or ``epoch_*.pth``.

    Args:
        work_dir: Work dir of the run, which may not exist.
        out_dir: Folder of the checkpoints where it is another one.

    Returns:
        Path of the checkpoint, or None when there is none.
    """
    work_dir = Path(work_dir)
    folders = [work_dir] if out_dir is None else [work_dir, Path(out_dir)]
    recorded = _recorded_path(work_dir)
    if recorded and '://' in recorded:
        return recorded  # on a remote backend, whose files are not looked at here
    if recorded:
        # the file beside comes first: a copied work dir must not go on from the original's files
        named = [*(folder / Path(recorded).name for folder in folders), Path(recorded)]
        for path in named:
            if path.is_file() and is_complete(path):
                if path.parent.resolve() not in {folder.resolve() for folder in folders}:
                    _warn(f'{work_dir / LAST_CHECKPOINT} names a file of another folder, {path}, which is taken')
                return str(_later_than(path, work_dir / LAST_CHECKPOINT) or path)
        broken = any(path.is_file() for path in named)
        _warn(f'{work_dir / LAST_CHECKPOINT} names {recorded}, which is {"broken" if broken else "gone"}')
    found = _newest_complete(folders)
    if found is not None:
        _warn(f'resuming from {found}, the newest complete checkpoint')
    return found


def prepare_work_dir_for_resume(work_dir: str | Path, out_dir: str | Path | None = None) -> None:
    """Remove what a killed run left half written.

    Args:
        work_dir: Work dir of the run.
        out_dir: Folder of the checkpoints where it is another one.
    """
    for folder in {Path(work_dir), Path(out_dir or work_dir)}:
        for name in remove_unfinished_files(folder):
            print_log(f'removed the unfinished file {folder / name}', logger='current')


def _recorded_path(work_dir: Path) -> str:
    try:
        return (work_dir / LAST_CHECKPOINT).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ''


def _later_than(recorded: Path, record: Path) -> Path | None:
    """Find a complete checkpoint with a higher number than the recorded one that was written after the record."""
    kind, _, number = recorded.stem.partition('_')
    written = record.stat().st_mtime_ns
    for path in recorded.parent.glob(f'{kind}_*.pth'):
        later = _NUMBERED.fullmatch(path.name) and number.isdigit() and int(path.stem.split('_')[1]) > int(number)
        if later and path.stat().st_mtime_ns > written and is_complete(path):
            return path
    return None


def _newest_complete(folders: list[Path]) -> str | None:
    files = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    numbered = {path for path in files if _NUMBERED.fullmatch(path.name)}
    for path in sorted(numbered, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        if is_complete(path):
            return str(path)
        _warn(f'{path} is broken')
    return None


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)


def checkpoint_named(name: str) -> str:
    """Find the file that a command line's checkpoint means.

    Args:
        name: A checkpoint, or the work dir of a run, which stands for its last complete one.

    Returns:
        The checkpoint.

    Raises:
        CheckpointError: When there is no such file, or no complete checkpoint in the folder.
    """
    if not Path(name).is_dir():
        if '://' not in name:
            require_checkpoint_file(Path(name).expanduser())
        return name
    found = find_resume_checkpoint(name)
    if found is None:
        raise CheckpointError(f'{name}: there is no complete checkpoint in this folder.')
    return found
