"""Pictures of predictions in the folders of their images."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from pathlib import Path

from mmcv.transforms import LoadImageFromFile
from mmdet.engine.hooks import DetVisualizationHook
from mmdet.registry import HOOKS
from mmdet.structures import DetDataSample
from mmengine.runner import Runner

from mmdet_panseg.datasets.wrappers import innermost_datasets

_WRITTEN = ('.jpg', '.jpeg', '.png')


@HOOKS.register_module()
class PanopticVisualizationHook(DetVisualizationHook):
    """mmdet's ``DetVisualizationHook``, which keeps images of one name in several folders apart.

    In tests, a picture has the path below ``test_out_dir`` that its image has below the data set's ``data_prefix``, and
    a number where that is taken. Images are loaded as the test pipeline loads them. Arguments are those of mmdet's.
    """

    def before_test(self, runner: Runner) -> None:
        """Settle the folder, and how images are loaded.

        Args:
            runner: The runner.
        """
        data = list(innermost_datasets(runner.test_dataloader.dataset))
        steps = [step for part in data for step in getattr(part.pipeline, 'transforms', ())]
        self._load = next((step for step in steps if isinstance(step, LoadImageFromFile)), LoadImageFromFile())
        self._roots = [prefix for part in data if (prefix := (part.data_prefix or {}).get('img'))]
        self._painted: set[Path] = set()
        if self.test_out_dir is not None:
            self._folder = Path(runner.work_dir, runner.timestamp, self.test_out_dir)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[DetDataSample]
    ) -> None:
        """Draw the predictions of a batch.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: The batch.
            outputs: Its samples, with predictions.
        """
        if not self.draw:
            return
        for sample in outputs:
            self._test_index += 1
            self._visualizer.add_datasample(
                osp.basename(sample.img_path) if self.show else 'test_img',
                self._load({'img_path': sample.img_path})['img'][..., ::-1],
                data_sample=sample,
                show=self.show,
                wait_time=self.wait_time,
                pred_score_thr=self.score_thr,
                out_file=None if self.test_out_dir is None else str(self._picture_of(sample.img_path)),
                step=self._test_index,
            )

    def _picture_of(self, image: str) -> Path:
        below = (osp.relpath(image, root) for root in self._roots)
        path = Path(next((place for place in below if not place.startswith('..')), osp.basename(image)))
        if path.suffix.lower() not in _WRITTEN:
            path = path.with_suffix('.png')
        chosen, number = path, 1
        while chosen in self._painted:
            number += 1
            chosen = path.with_stem(f'{path.stem}_{number}')
        self._painted.add(chosen)
        return self._folder / chosen
