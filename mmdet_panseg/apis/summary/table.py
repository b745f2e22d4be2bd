"""The summary of a model as a table."""

from __future__ import annotations

from rich.table import Table

from .model_summary import ModelSummary

_MIB = 2**20


def summary_table(summary: ModelSummary) -> Table:
    """Lay out a summary.

    Args:
        summary: From :func:`summarise_model`.

    Returns:
        A table to print.
    """
    height, width = summary.size
    whole = summary.modules[0]
    table = Table(
        title=f'one image of {width}×{height} (width × height, padded), float32',
        caption=(
            'GMAC: billions of multiply-adds of convolutions and matrix products, which papers and mmdet call FLOPs. '
            'Kept: activations that a training keeps for the backward pass, per image. Not counted: masks of the '
            'chosen cells, suppression and losses, which depend on the image.\n'
            f'Memory: parameters and buffers {summary.parameter_bytes / _MIB:.1f} MiB; activations at most '
            f'{summary.peak_bytes / _MIB:.1f} MiB at a time in a test, and {whole.kept_bytes / _MIB:.1f} MiB per image '
            'kept in training, beside the parameters two (SGD) or three times (Adam) again for gradients and optimizer.'
        ),
        caption_justify='left',
    )
    table.add_column('module')
    table.add_column('class')
    for heading in ('parameters', 'trained', 'GMAC', 'kept MiB'):
        table.add_column(heading, justify='right')
    for row in summary.modules:
        depth = row.name.count('.') + 1 if row.name else 0
        table.add_row(
            '  ' * depth + (row.name.rsplit('.')[-1] or 'model'),
            row.kind,
            f'{row.parameters:,}',
            f'{row.trained:,}',
            f'{row.multiply_adds / 1e9:.3f}',
            f'{row.kept_bytes / _MIB:.1f}',
        )
    return table
