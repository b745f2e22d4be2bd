"""mmdet's visualizer with the drawing of this package."""

from __future__ import annotations

import mmcv
import numpy as np
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer

from .result_rows import DrawnClasses, draw_results
from .results import ImageResults, packed_results, predicted_results


@VISUALIZERS.register_module()
class PanopticLocalVisualizer(DetLocalVisualizer):
    """Draws samples with masks, semantic maps or panoptic maps, as picture sheets do, wherever mmdet draws.

    Hooks (``DetVisualizationHook``), ``DetInferencer`` and mmdet's ``browse_dataset.py`` build what a config calls
    ``visualizer``. A panoptic map is drawn alone; without one, instances and semantic map stand side by side, ground
    truth left of prediction. Samples that have boxes alone are drawn by mmdet.
    """

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: DetDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        pred_score_thr: float = 0.3,
        step: int = 0,
    ) -> None:
        """Draw a sample, then show it, write it to a file or give it to the backends; in every process.

        Args:
            name: What the window or the backends call it.
            image: RGB image of shape (H, W, 3).
            data_sample: The sample, in the resolution of the image.
            draw_gt: Whether to draw the ground truth it has.
            draw_pred: Whether to draw the predictions it has.
            show: Whether to show it in a window.
            wait_time: Seconds to show it; 0 waits for a key.
            out_file: File to write.
            pred_score_thr: Lowest score of drawn instances; a panoptic map has its own in the model.
            step: Number of the picture, for the backends.
        """
        image = image.clip(0, 255).astype(np.uint8)
        pictures = self._pictures(image, data_sample, draw_gt, draw_pred, pred_score_thr)
        if data_sample is not None and not pictures:
            super().add_datasample(
                name, image, data_sample, draw_gt, draw_pred, show, wait_time, out_file, pred_score_thr, step
            )
            return
        drawn = np.concatenate(pictures or [image], axis=1)
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(drawn[..., ::-1], out_file)
        else:
            self.add_image(name, drawn, step)

    def _pictures(
        self, image: np.ndarray, sample: DetDataSample | None, draw_gt: bool, draw_pred: bool, score_thr: float
    ) -> list[np.ndarray]:
        if sample is None or not (self.dataset_meta or {}).get('classes'):
            return []
        classes = DrawnClasses.of(self.dataset_meta)
        results = []
        if draw_gt:
            results.append(packed_results(sample, image.shape[:2]))
        if draw_pred:
            results.append(predicted_results(sample, classes.num_things, len(classes.names), score_thr))
        # A panoptic map has all that the other two have.
        results = [part if part.panoptic is None else ImageResults(panoptic=part.panoptic) for part in results]
        return [picture for part in results for picture in draw_results(image, part, classes) if picture is not None]
