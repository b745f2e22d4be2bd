"""A web page, one file, of what a network is trained on."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from .pictures import sample_pictures
from .sample import BrowsedSample, browsing_totals

_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5em; background: #eeeef0; color: #191919; }
section { background: #fff; padding: .8em 1em; margin: 1em 0; border-radius: 6px; }
h1 { font-size: 1.3em; } h2 { font-size: 1.05em; margin: 0; }
.pictures { display: flex; flex-wrap: wrap; gap: 10px; }
figure { margin: 0; } figcaption { font-size: .85em; color: #555; } img { max-width: 100%; }
.missed { color: #a30000; }
table { border-collapse: collapse; font-size: .9em; } td, th { padding: 2px 10px 2px 0; text-align: left; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>{{ totals }}</p>
{% for sample in samples %}
<section>
<h2>{{ sample.name }}</h2>
<p>{{ sample.summary }}</p>
{% if sample.remarks %}<ul>{% for missed, line in sample.remarks %}
<li{% if missed %} class="missed"{% endif %}>{{ line }}</li>{% endfor %}
</ul>{% endif %}
<div class="pictures">{% for caption, data in sample.pictures %}
<figure><img alt="{{ caption }}" src="data:image/png;base64,{{ data }}"><figcaption>{{ caption }}</figcaption></figure>
{% endfor %}</div>
{% if sample.objects %}<details><summary>objects</summary>
<table><tr><th>object</th><th>pixels</th><th>cells per level</th></tr>{% for row in sample.objects %}
<tr{% if row.missed %} class="missed"{% endif %}>
<td>{{ row.name }}</td><td>{{ row.area }}</td><td>{{ row.cells }}</td></tr>
{% endfor %}</table></details>{% endif %}
</section>
{% endfor %}
</body>
</html>
"""


def browse_page(
    samples: Sequence[BrowsedSample], title: str = 'What the network is trained on', frame: tuple[int, int] = (400, 480)
) -> str:
    """Make a page with pictures, numbers and remarks of each image; it needs no other file.

    Args:
        samples: From :func:`browse_samples`.
        title: Its heading.
        frame: Height and width in pixels that every picture is scaled to fit.

    Returns:
        HTML.
    """
    from jinja2 import Environment

    template = Environment(autoescape=True).from_string(_TEMPLATE)
    parts = [
        dict(
            name=sample.name,
            summary=sample.summary(),
            remarks=[('gets no cell' in line, line) for line in sample.remarks()],
            pictures=[(caption, _png(picture)) for caption, picture in sample_pictures(sample, frame).items()],
            objects=_object_rows(sample),
        )
        for sample in samples
    ]
    return template.render(title=title, totals=browsing_totals(samples), samples=parts)


def _object_rows(sample: BrowsedSample) -> list[dict]:
    found = sample.assignment
    rows = []
    for index in range(0 if sample.labels is None else len(sample.labels)):
        counts = [] if found is None else [int((level.objects == index).sum()) for level in found.levels]
        rows.append(
            dict(
                name=sample.object_name(index),
                area=int(sample.masks[index].sum()),
                cells=' / '.join(map(str, counts)),
                missed=found is not None and index in found.without_cell,
            )
        )
    return rows


def _png(picture: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format='png')
    return base64.b64encode(content.getvalue()).decode('ascii')
