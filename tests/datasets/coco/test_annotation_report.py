from __future__ import annotations

from mmdet_panseg.datasets.coco.annotation_report import AnnotationReport, Finding


def test_clean_report_has_no_lines():
    report = AnnotationReport('a.json', num_images=2, num_annotations=5, num_objects=5)
    assert report.lines() == [] and not report.has_bad_annotations


def test_lines_are_ordered_by_frequency():
    report = AnnotationReport('a.json', num_annotations=20, num_objects=8)
    report.add('no_area', 1, 'x.jpg')
    for identifier in range(2, 7):
        report.add('box_outside', identifier, 'y.jpg')
    report.add('polygon_dropped', 9, 'z.jpg')
    report.filtered['too dark'] = Finding(1, [(4, 'w.jpg')])
    report.marked_ignore = 2
    title, first, second, third, fourth, fifth = report.lines()
    assert title == 'a.json: 8 of 20 annotations in use'
    assert 'left out       5' in first and first.endswith('2 (y.jpg), 3 (y.jpg), 4 (y.jpg), ...')
    assert 'left out       1' in second and second.endswith('annotation ids 1 (x.jpg)')
    assert 'repaired       1' in third and fourth.endswith('too dark: image ids 4 (w.jpg)')
    assert "2  annotations marked 'ignore'" in fifth
    assert report.has_bad_annotations


def test_many_unused_categories_are_shortened():
    report = AnnotationReport('a.json', unused_categories={f'class{i}': i + 1 for i in range(12)})
    line = report.lines()[1]
    assert ' 78 ' in line and 'class11 12, class10 11' in line
    assert line.endswith('and 4 more') and 'class3 ' not in line
    assert not report.has_bad_annotations
