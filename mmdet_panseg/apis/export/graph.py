"""What an exported model computes: from a normalised image to instances and maps of classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmdet_panseg.models import PanopticSOLO
from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps
from mmdet_panseg.ops import ViewMaps, boxes_from_masks, flatten_levels, maps_of_image

from .support import require_exportable
from .whole_masks import WholeMasks, WholePredictor


class _SomeChannels(ViewMaps):
    """Maps of which a fixed number is enlarged at a time, whatever their size is."""

    def per_chunk(self, size: tuple[int, int], memory_budget: int) -> int:
        return 16


class DetectorGraph(nn.Module):
    """A detector as a function of one image, without control flow that depends on what is in it.

    Args:
        model: A detector that :func:`require_exportable` lets through, in evaluation mode; changed in place: its parts
            no longer work in chunks.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        require_exportable(model)
        self.model = model
        self.mask_head = model.mask_head
        self.semantic_head = getattr(model, 'semantic_head', None)
        self.fusion_head = getattr(model, 'fusion_head', None)
        self.divisor = model.data_preprocessor.pad_size_divisor
        self.pad_value = float(model.data_preprocessor.pad_value)
        if self.mask_head is not None:
            self.mask_head.memory_budget = None
            self.mask_head.build_predictor(WholePredictor)

    @property
    def output_names(self) -> list[str]:
        """Names of what :meth:`forward` gives, in order."""
        names = [] if self.mask_head is None else ['boxes', 'scores', 'labels', 'masks']
        if self.semantic_head is not None:
            names.append('semantic_map')
            if self._needs_stuff_map:
                names.append('stuff_map')
            if self._needs_probabilities:
                names.append('semantic_probabilities')
        return names

    def forward(self, blocks: Tensor, crop_height: int, crop_width: int, height: int, width: int) -> tuple[Tensor, ...]:
        """Predict instances and classes of pixels.

        Args:
            blocks: Normalised image at the size that the test pipeline gives it, padded to ``rows`` and ``columns``
                times :attr:`divisor`, shape ``(1, 3, rows, divisor, columns, divisor)``: so all sizes of features are
                whole multiples of ``rows`` and ``columns``, which the translation knows how to reckon with.
            crop_height: Height of the image without padding.
            crop_width: Width of the image without padding.
            height: Height of the results in pixels, usually that of the image file.
            width: Width of the results in pixels.

        Returns:
            With a mask head boxes (N, 4), scores (N,), labels (N,) and masks (N, height, width) by falling score. With
            a semantic head ``semantic_map``, uint8 labels of shape (height, width), and what the fusion needs beside
            it.
        """
        size, crop = (height, width), (crop_height, crop_width)
        padded = blocks.reshape(1, 3, blocks.shape[2] * self.divisor, blocks.shape[4] * self.divisor)
        features = self.model.extract_feat(padded)
        mask_input = semantic_input = features
        if isinstance(self.model, PanopticSOLO):
            mask_input, semantic_input = self.model.head_inputs(features)
        outputs: list[Tensor] = []
        if self.mask_head is not None:
            outputs += self._instances(mask_input, crop, size)
        if self.semantic_head is not None:
            view = self.semantic_head.predict_logits(semantic_input, [dict(img_shape=crop)])[0]
            outputs += self._maps(self.semantic_head.maps([_SomeChannels(*view)], size))
        return tuple(outputs)

    def _instances(self, features: Any, crop: tuple[int, int], size: tuple[int, int]) -> list[Tensor]:
        head = self.mask_head
        predictor = head.predictor
        pyramid = head.run_tower(features)
        scores = flatten_levels([head.cell_scores(level, index) for index, level in enumerate(pyramid.levels)])
        scores = predictor.best_cells(scores)
        cells, by_level = predictor.chosen_cells(scores[0])
        sources = head.level_sources(pyramid, [[(slice(0), chosen) for chosen in by_level]])
        masks = WholeMasks(sources, cells, head.level_cells, head.mask_size(pyramid), predictor.resize)
        rating = head.mask_rating(pyramid)
        found = predictor.instances(scores[0], cells, masks, crop, rating and partial(rating, 0))
        binary = maps_of_image(found.masks, size) > found.threshold
        return [boxes_from_masks(binary), found.scores, found.labels, binary]

    def _maps(self, semantic: SemanticMaps) -> list[Tensor]:
        outputs = [semantic.labels.to(torch.uint8)]
        if self._needs_stuff_map:
            outputs.append(semantic.stuff.to(torch.uint8))
        if self._needs_probabilities:
            outputs.append(semantic.logits.softmax(dim=0))
        return outputs

    @property
    def _needs_stuff_map(self) -> bool:
        return self.semantic_head.merge_things or getattr(self.fusion_head, 'unclaimed', 'void') == 'stuff'

    @property
    def _needs_probabilities(self) -> bool:
        return self.mask_head is not None and getattr(self.fusion_head, 'semantic_share', 0) > 0
