"""Semantic branch on a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmdet.utils import ConfigType
from torch import Tensor, nn
from torch.nn import functional as F

from .semantic_head import SemanticHead, fitting_norm


@MODELS.register_module()
class SemanticFPNHead(SemanticHead):
    """Semantic branch of Panoptic FPN (Kirillov et al. 2019, section 3).

    Each level goes through 3×3 convolutions with group norm and ReLU, each followed by a bilinear upsampling to the
    size of the next finer level, until it has the size of the finest one, which gets a single convolution. Their sum is
    classified by a 1×1 convolution at the finest level's stride. Modules and ``state_dict`` are those of mmdet's
    ``PanopticFPNHead``, its channels too with ``merge_things=True``.

    The head takes the levels as the neck gives them, before a SOLO head aligns its own.

    Args:
        num_things: Number of thing classes T.
        num_stuff: Number of stuff classes S.
        in_channels: Channels of the pyramid.
        channels: Channels of the branch.
        start_level: First level to use.
        end_level: First level not to use.
        finest_stride: Stride of the pyramid's level 0 in pixels of the input; each next level has twice that.
        norm_cfg: Norm layer, see :func:`fitting_norm`.
        **kwargs: Arguments of :class:`SemanticHead`: ``merge_things``, ``loss_semantic``, ``loss_dice``,
            ``loss_stride``, ``memory_budget``, ``init_cfg``.
    """

    def __init__(
        self,
        num_things: int,
        num_stuff: int,
        in_channels: int,
        channels: int = 128,
        start_level: int = 0,
        end_level: int = 4,
        finest_stride: int = 4,
        norm_cfg: ConfigType | None = None,
        **kwargs,
    ) -> None:
        if not 0 <= start_level < end_level:
            raise ValueError(
                f'{type(self).__name__}: start_level={start_level} and end_level={end_level} are no range of levels'
            )
        super().__init__(num_things, num_stuff, stride=finest_stride * 2**start_level, **kwargs)
        self.start_level = start_level
        self.end_level = end_level
        norm_cfg = fitting_norm(norm_cfg, channels)
        self.conv_upsample_layers = nn.ModuleList(
            _LevelBlock(in_channels, channels, steps, norm_cfg) for steps in range(end_level - start_level)
        )
        self.conv_logits = nn.Conv2d(channels, self.out_channels, 1)

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        """Compute the logits of a batch.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            Logits, shape ``(B, out_channels, H, W)`` with the size of level ``start_level``.

        Raises:
            ValueError: If the neck gives too few levels.
        """
        if len(x) < self.end_level:
            raise ValueError(
                f'{type(self).__name__} uses levels up to {self.end_level - 1}, but the neck gives {len(x)}: set '
                'end_level, or num_outs of the neck'
            )
        levels = x[self.start_level : self.end_level]
        sizes = [level.shape[-2:] for level in levels]
        total = self.conv_upsample_layers[0](levels[0], [])
        for index in range(1, len(levels)):
            total = total + self.conv_upsample_layers[index](levels[index], sizes[index - 1 :: -1])
        return self.conv_logits(total)


class _LevelBlock(nn.Module):
    """Convolutions of a level with upsamplings between them.

    Args:
        in_channels: Channels of the level.
        channels: Channels of the result.
        steps: Number of upsamplings, and of convolutions, of which there is at least one.
        norm_cfg: Norm layer.
    """

    def __init__(self, in_channels: int, channels: int, steps: int, norm_cfg: ConfigType) -> None:
        super().__init__()
        inputs = [in_channels] + [channels] * (steps - 1)
        self.conv = nn.ModuleList(ConvModule(width, channels, 3, padding=1, norm_cfg=norm_cfg) for width in inputs)

    def forward(self, features: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Run the block; ``sizes`` has one size for each upsampling, and is empty if there is none."""
        for index, conv in enumerate(self.conv):
            features = conv(features)
            if index < len(sizes):
                # To the finer level's size: of an odd size, twice this one's would be a pixel too much.
                features = F.interpolate(features, size=sizes[index], mode='bilinear')
        return features
