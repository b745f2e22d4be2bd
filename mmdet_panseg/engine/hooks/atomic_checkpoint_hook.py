"""Write checkpoints so that a kill at any moment leaves a complete one to resume from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmdet_panseg.engine.checkpoints.atomic_backend import AtomicLocalBackend, write_atomically
from mmdet_panseg.engine.checkpoints.resuming import LAST_CHECKPOINT, find_resume_checkpoint
from mmdet_panseg.engine.errors import CheckpointError

from .watched_metric import require_evaluator_of, watched_metric

_SUPERSEDED = 'superseded_ckpts'
_SAVE_BEST = 'default_hooks.checkpoint.save_best'


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` in another order, with the same arguments.

    A checkpoint is written under a temporary name and renamed; then ``last_checkpoint`` is replaced in the
    same way; only then the checkpoints that ``max_keep_ckpts`` or a better ``save_best`` score have made
    superfluous are deleted. mmengine deletes first and writes in place. Files that a kill keeps from being
    deleted are noted in the new checkpoint and deleted when the run is resumed.

    A metric of ``save_best`` that the validation does not have is a :class:`ConfigError`; a validation in which the
    model finds nothing has no table of AP, and no best checkpoint then. A training that is stopped early is saved.

    Args:
        interval: Epochs or iterations between two checkpoints. None for every epoch or, where the training counts
            iterations, for every 200 and at least four times.
        *args: Other arguments of ``CheckpointHook``, by place.
        **kwargs: Other arguments of ``CheckpointHook``. With ``backend_args`` or a remote ``out_dir`` the order is
            mmengine's and the writing is up to that backend.
    """

    _default_greater_keys = [*CheckpointHook._default_greater_keys, 'PQ']

    def __init__(self, interval: int | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(interval, *args, **kwargs)
        chosen = self.backend_args is not None or self.file_client_args is not None
        if not chosen and '://' not in str(self.out_dir or ''):
            self.backend_args = dict(backend='atomic_local')

    def before_train(self, runner: Runner) -> None:
        """Find the folder and the backend, and delete what the killed run could not."""
        self._follow_the_training(runner)
        super().before_train(runner)
        for key in self._watched():
            require_evaluator_of(key, runner, _SAVE_BEST)
        if not isinstance(self.file_backend, AtomicLocalBackend):
            return
        self._follow_moved_folder()
        if is_main_process():
            in_use = {Path(path).name for path in self._best_paths()}
            for path in runner.message_hub.get_info(_SUPERSEDED) or ():
                beside = Path(self.out_dir, Path(path).name)
                if beside.is_file() and beside.suffix == '.pth' and beside.name not in in_use:
                    beside.unlink()

    def _follow_the_training(self, runner: Runner) -> None:
        if self.interval is None:
            self.by_epoch = not isinstance(runner.train_loop, IterBasedTrainLoop)
            self.interval = 1 if self.by_epoch else max(1, min(200, runner.max_iters // 4))
            if self.filename_tmpl in ('epoch_{}.pth', 'iter_{}.pth'):
                self.filename_tmpl = 'epoch_{}.pth' if self.by_epoch else 'iter_{}.pth'

    def after_train(self, runner: Runner) -> None:
        """Save the last state of a training that was stopped between two checkpoints, with what stopped it."""
        if getattr(runner.train_loop, 'stop_training', False):
            self._save(runner, runner.epoch if self.by_epoch else runner.iter, runner.iter)
        super().after_train(runner)

    def save_now(self, runner: Runner) -> None:
        """Save the state after an iteration, which the runner counts later, if this has not been done."""
        step = runner.iter + 1
        if Path(str(self.last_ckpt)).name != self.filename_tmpl.format(step):
            self._save(runner, step, step)

    def _save(self, runner: Runner, step: int, iterations: int) -> None:
        self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=iterations))

    def _watched(self) -> list[str]:
        return [key for key in self.save_best or () if key != 'auto']

    def _best_paths(self) -> list[str]:
        paths = [getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()]
        return [str(path) for path in paths if path]

    def _follow_moved_folder(self) -> None:
        # The run remembers its best checkpoint by full path, which is stale after the work dir was moved. What is no
        # checkpoint in the folder is forgotten: it would be deleted when a better one is found.
        def beside(path: str | None) -> str | None:
            moved = Path(self.out_dir, Path(path or '').name)
            return str(moved) if moved.suffix == '.pth' and moved.is_file() else None

        if getattr(self, 'best_ckpt_path', None):
            self.best_ckpt_path = beside(self.best_ckpt_path)
        if getattr(self, 'best_ckpt_path_dict', None):
            self.best_ckpt_path_dict = {key: beside(path) for key, path in self.best_ckpt_path_dict.items()}

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if not isinstance(self.file_backend, AtomicLocalBackend):
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        if self.file_backend.removals_are_waiting:  # within _save_best_checkpoint
            self._write(runner, step, meta)
            return
        with self.file_backend.removals_wait():
            self._write(runner, step, meta)

    def _write(self, runner: Runner, step: int, meta: dict) -> None:
        name = self.filename_tmpl.format(step)
        self._let_old_ones_go(runner, step)
        for path in self._best_paths():
            self.file_backend.spare(path)
        runner.message_hub.update_info(_SUPERSEDED, list(self.file_backend.waiting))
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        try:
            runner.save_checkpoint(
                self.out_dir,
                name,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
        except OSError as error:
            raise _unwritten(Path(str(self.last_ckpt)), runner.work_dir, error) from error
        if is_main_process():
            write_atomically(str(self.last_ckpt).encode(), Path(runner.work_dir, LAST_CHECKPOINT))

    def _let_old_ones_go(self, runner: Runner, step: int) -> None:
        """Note the checkpoints beyond ``max_keep_ckpts``; they are deleted when the new one is complete."""
        if self.max_keep_ckpts <= 0:
            return
        kept = [known for known in self.keep_ckpt_ids if isinstance(known, int) and known != step] + [step]
        for old in kept[: -self.max_keep_ckpts]:
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old))
            if is_main_process() and self.file_backend.isfile(path):
                self.file_backend.remove(path)
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(kept[-self.max_keep_ckpts :])
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not self.save_best:
            return
        metrics = {**metrics, **{key: watched_metric(key, metrics, _SAVE_BEST) for key in self._watched()}}
        if not isinstance(self.file_backend, AtomicLocalBackend):
            super()._save_best_checkpoint(runner, metrics)
            return
        with self.file_backend.removals_wait():
            super()._save_best_checkpoint(runner, metrics)
            for path in self._best_paths():
                self.file_backend.spare(path)


def _unwritten(path: Path, work_dir: str, error: OSError) -> CheckpointError:
    kept = find_resume_checkpoint(work_dir)
    how = ' and there is none before it' if kept is None else f'; the last one is {kept}: make room, and add --resume'
    return CheckpointError(f'{path} cannot be written ({error.strerror or error}){how}.')
