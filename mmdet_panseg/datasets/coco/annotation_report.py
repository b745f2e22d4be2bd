"""What a data set left out of its annotation file, repaired or did not use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmdet_panseg.datasets.errors import EXAMPLES_SHOWN, shown

from .annotation_checks import DOUBTS, LEFT_OUT_REASONS, REPAIR_REASONS

CATEGORIES_SHOWN = 8


@dataclass
class Finding:
    """How often one thing was found, and where first.

    Attributes:
        count: Number of occurrences.
        examples: The first few, as ``(annotation id, image file name)`` or, for images, ``(image id, file
            name)``.
    """

    count: int = 0
    examples: list[tuple[Any, str]] = field(default_factory=list)

    def add(self, identifier: Any, file_name: str) -> None:
        """Count one occurrence."""
        self.count += 1
        if len(self.examples) < EXAMPLES_SHOWN:
            self.examples.append((identifier, file_name))

    def shown(self) -> str:
        """Name the first few for a message."""
        return shown([f'{identifier} ({name})' for identifier, name in self.examples], self.count)


@dataclass
class AnnotationReport:
    """Record of one annotation file's checks.

    Attributes:
        ann_file: Path of the file.
        num_images: Images in the file.
        num_annotations: Annotations in the file.
        num_objects: Annotations in use, crowds included.
        left_out: Findings by key of :data:`.annotation_checks.LEFT_OUT_REASONS`.
        repaired: Findings by key of :data:`.annotation_checks.REPAIR_REASONS`.
        doubtful: Findings about annotations in use, by key of :data:`.annotation_checks.DOUBTS`.
        num_crowds: Annotations in use that are crowds.
        unused_categories: Number of annotations of each category that is not among the data set's classes.
        marked_ignore: Annotations that the file itself marks with ``ignore``.
        filtered: Images taken out by ``filter_cfg``, by its key.
    """

    ann_file: str
    num_images: int = 0
    num_annotations: int = 0
    num_objects: int = 0
    num_crowds: int = 0
    left_out: dict[str, Finding] = field(default_factory=dict)
    repaired: dict[str, Finding] = field(default_factory=dict)
    doubtful: dict[str, Finding] = field(default_factory=dict)
    unused_categories: dict[str, int] = field(default_factory=dict)
    marked_ignore: int = 0
    filtered: dict[str, Finding] = field(default_factory=dict)

    def add(self, reason: str, annotation_id: Any, file_name: str) -> None:
        """Count one annotation that was left out, repaired or doubtful."""
        group = self.repaired if reason in REPAIR_REASONS else self.doubtful if reason in DOUBTS else self.left_out
        group.setdefault(reason, Finding()).add(annotation_id, file_name)

    @property
    def has_bad_annotations(self) -> bool:
        """Whether the file itself is at fault: something was left out or repaired."""
        return bool(self.left_out or self.repaired)

    def lines(self) -> list[str]:
        """Give the report as text, one line a finding, most frequent first; empty for a file used as it is."""
        rows = [
            *self._rows('left out', self.left_out, LEFT_OUT_REASONS, 'annotation'),
            *self._rows('repaired', self.repaired, REPAIR_REASONS, 'annotation'),
            *self._rows('filtered', self.filtered, {}, 'image'),
        ]
        if self.unused_categories:
            rows.append(self._unused_row())
        if self.marked_ignore:
            rows.append(f"  not used {self.marked_ignore:>7}  annotations marked 'ignore'")
        if not rows:
            return []
        title = f'{self.ann_file}: {self.num_objects} of {self.num_annotations} annotations in use'
        return [title, *rows]

    def doubts(self, test_mode: bool, learns_stuff: bool) -> list[str]:
        """Say why little may be learnt from the annotations in use, or be measured with them.

        Args:
            test_mode: Whether they are to evaluate with.
            learns_stuff: Whether there are semantic maps to learn from too.

        Returns:
            A sentence for each doubt.
        """
        # A test set may have no annotations, and its metric counts crowds.
        texts = [] if test_mode else self._nothing_to_learn(learns_stuff)
        for reason, finding in self.doubtful.items():
            texts.append(
                f'{finding.count} of {self.num_objects} annotations in use are doubtful: {DOUBTS[reason]} '
                f'(annotation ids {finding.shown()})'
            )
        return [f'{self.ann_file}: {text}.' for text in texts]

    def _nothing_to_learn(self, learns_stuff: bool) -> list[str]:
        if not self.num_annotations and not learns_stuff:
            return ["the list 'annotations' is empty: nothing is learnt from these images but background"]
        if self.num_crowds and self.num_crowds == self.num_objects:
            return [
                f'all {self.num_crowds} annotations in use are crowds (iscrowd=1), from which nothing is learnt: write '
                'iscrowd=0 for single objects, which some tools mark so because their masks are RLE'
            ]
        return []

    def _unused_row(self) -> str:
        """Line for the categories of the file that are not among the classes."""
        ranked = sorted(self.unused_categories.items(), key=lambda item: -item[1])
        names = ', '.join(f'{name} {count}' for name, count in ranked[:CATEGORIES_SHOWN])
        more = len(ranked) - CATEGORIES_SHOWN
        names += f' and {more} more' if more > 0 else ''
        total = sum(self.unused_categories.values())
        return f"  not used {total:>7}  annotations of categories that are not in 'classes': {names}"

    @staticmethod
    def _rows(label: str, findings: dict[str, Finding], texts: dict[str, str], noun: str) -> list[str]:
        """Lines of one group of findings."""
        rows = []
        for reason, finding in sorted(findings.items(), key=lambda item: -item[1].count):
            rows.append(f'  {label} {finding.count:>7}  {texts.get(reason, reason)}: {noun} ids {finding.shown()}')
        return rows
