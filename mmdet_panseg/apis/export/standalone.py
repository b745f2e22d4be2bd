"""Find objects and stuff in images with an exported model: ``python THIS_FILE.py photo.jpg --out found``.

Needs numpy, Pillow and onnxruntime, or openvino for an ``.xml``; neither torch nor mmdetection. As a module:

    model = Model('model.onnx')
    found = model(read_image('photo.jpg'))  # or any RGB array of shape (H, W, 3), uint8
    found['masks'], found['labels'], found['panoptic_map'], model.classes

Everything else that is to be known of the model is in its file: ``model.settings``. Written by mmdet_panseg.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

VOID = 255
# Fused things have the value label + OFFSET * number, stuff has its label; ids are values + 1.
OFFSET = 1000


class Model:
    """An exported model.

    Args:
        path: The ``.onnx`` file, or the ``.xml`` of openvino.
        threads: Number of threads; 0 leaves it to the runtime.
    """

    def __init__(self, path, threads=0):
        self._run, settings = (_open_openvino if str(path).endswith('.xml') else _open_onnx)(str(path), threads)
        self.settings = json.loads(settings)
        self.classes = self.settings['classes']
        self.num_things = self.settings['num_things']

    def __call__(self, image):
        """Predict an image.

        Args:
            image: RGB, uint8, shape (H, W, 3).

        Returns:
            Dict of ``boxes`` (N, 4) as x1, y1, x2, y2, ``scores`` (N,), ``labels`` (N,) and bool ``masks`` (N, H, W) by
            falling score; ``semantic_map`` (H, W), labels; ``panoptic_map`` (H, W), ids of segments, 0 for
            void, and ``segments_info``. What the model has no part for is missing.
        """
        outputs = self._run(self.network_input(image), *image.shape[:2])
        return self.finish(outputs)

    def network_input(self, image):
        """Resize and normalise an image, to float32 of shape (1, 3, h, w)."""
        height, width = network_size(image.shape[0], image.shape[1], self.settings['resize'])
        image = resized(image, height, width)
        if self.settings['channel_order'] == 'BGR':
            image = image[..., ::-1]
        mean, std = (np.asarray(self.settings[key], np.float32) for key in ('mean', 'std'))
        return np.ascontiguousarray(((image.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None])

    def finish(self, outputs):
        """Bring instances and semantic map together: class votes, scores and the panoptic map.

        Args:
            outputs: Outputs of the model's file by name.

        Returns:
            As :meth:`__call__`.
        """
        found = {key: outputs[key] for key in ('boxes', 'scores', 'labels', 'masks') if key in outputs}
        if 'semantic_map' not in outputs:
            return found
        semantic, fusion, values = outputs['semantic_map'], self.settings['fusion'], None
        if fusion is not None:
            instances = found or _no_instances(semantic.shape)
            instances = vote(instances, semantic, self.num_things, fusion['min_vote'])
            instances = share_scores(instances, outputs, self.num_things, fusion['semantic_share'])
            num_stuff = self.settings['num_stuff']
            values, segments = fuse(instances, semantic, outputs.get('stuff_map'), self.num_things, num_stuff, fusion)
            found = _chosen(instances, instances['labels'] < self.num_things) if found else {}
            ids = np.where(values == self.num_things + num_stuff, 0, values + 1)
            found.update(panoptic_map=ids.astype(np.int32), segments_info=segments)
        if self.settings['merge_things']:
            semantic = _name_unknown_things(semantic, outputs['stuff_map'], values)
        return dict(found, semantic_map=semantic)


def read_image(path, rotate=True, bit_depth=16):
    """Read an image file as RGB, uint8, shape (H, W, 3), turned as its EXIF data say.

    Args:
        path: The file.
        rotate: Whether to turn it.
        bit_depth: Number of bits that grey images of 16 bits really use.
    """
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image) if rotate else image
        if image.mode.startswith('I'):
            pixels = (np.asarray(image).astype(np.int64) >> (bit_depth - 8)).clip(0, 255).astype(np.uint8)
            return np.repeat(pixels[..., None], 3, axis=2)
        return np.array(image.convert('RGB'))


def network_size(height, width, rule):
    """Give the size at which the network sees an image, ``(height, width)``."""
    if rule is None:
        return height, width
    target_width, target_height = rule['scale']
    if not rule['keep_ratio']:
        return target_height, target_width
    longer, shorter = max(rule['scale']), min(rule['scale'])
    factor = min(longer / max(height, width), shorter / min(height, width))
    return int(height * factor + 0.5), int(width * factor + 0.5)


def resized(image, height, width):
    """Resize an uint8 image of shape (H, W, C) bilinearly, to the bit as OpenCV does."""
    if image.shape[:2] == (height, width):
        return image
    image = image.astype(np.int32)
    if image.shape[:2] == (2 * height, 2 * width):
        four = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
        return ((four + 2) >> 2).astype(np.uint8)
    left, right, left_weight, right_weight = _neighbours(image.shape[1], width, clamp=True)
    above, below, above_weight, below_weight = _neighbours(image.shape[0], height, clamp=False)
    rows = (image[:, left] * left_weight[:, None] + image[:, right] * right_weight[:, None]) >> 4
    upper = (rows[above] * above_weight[:, None, None]) >> 16
    lower = (rows[below] * below_weight[:, None, None]) >> 16
    return ((upper + lower + 2) >> 2).clip(0, 255).astype(np.uint8)


def _neighbours(length, new_length, clamp):
    """Both pixels that each new one lies between, and their weights in units of 1/2048."""
    places = ((np.arange(new_length) + 0.5) * (1.0 / (new_length / length)) - 0.5).astype(np.float32)
    first = np.floor(places).astype(np.int64)
    fraction = places - first.astype(np.float32)
    if clamp:
        fraction[(first < 0) | (first >= length - 1)] = 0
    weights = [np.rint(w * np.float32(2048)).astype(np.int32) for w in (np.float32(1) - fraction, fraction)]
    return first.clip(0, length - 1), (first + 1).clip(0, length - 1), *weights


def vote(instances, semantic, num_things, min_vote):
    """Let instances take the thing class that most of their pixels have, and drop the copies that this makes."""
    if min_vote == 0:
        return instances
    instances = _by_falling_score(instances)
    own = instances['labels']
    labels = own.copy()
    for index, mask in enumerate(instances['masks']):
        pixels = semantic[mask]
        votes = np.bincount(pixels[pixels < num_things], minlength=num_things)
        if num_things == 0 or own[index] >= num_things:
            continue
        winner = int(np.argmax(2 * votes + (np.arange(num_things) == own[index])))
        if np.float32(votes[winner]) / np.float32(max(1, len(pixels))) >= np.float32(min_vote):
            labels[index] = winner
    masks, keep = instances['masks'], np.ones(len(labels), bool)
    for index in range(len(labels)):
        others = np.flatnonzero(keep & (labels == labels[index]) & (own != own[index]))
        for other in others[others > index] if keep[index] else ():
            shared = np.count_nonzero(masks[index] & masks[other])
            union = np.count_nonzero(masks[index] | masks[other])
            keep[other] = not (union and np.float32(shared) / np.float32(union) > np.float32(0.5))
    return _chosen(dict(instances, labels=labels), keep)


def share_scores(instances, outputs, num_things, share):
    """Give the semantic branch its share in the scores of things."""
    if share == 0:
        return instances
    probabilities, labels = outputs['semantic_probabilities'], instances['labels']
    pixels = probabilities.reshape(len(probabilities), -1)
    scores = instances['scores'].copy()
    for index, (mask, label) in enumerate(zip(instances['masks'], labels, strict=True)):
        if label < num_things:
            covered = _covered(mask, probabilities.shape[1:]).ravel()
            mean = covered @ pixels[label] / max(covered.sum(), np.float32(1e-12))
            scores[index] = scores[index] ** np.float32(1 - share) * mean ** np.float32(share)
    return _by_falling_score(dict(instances, scores=scores))


def _covered(mask, shape):
    """How far a mask covers the cells of a coarser grid."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    sums[1:, 1:] = mask.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    (top, bottom), (left, right) = (
        (np.arange(cells) * size // cells, -(-(np.arange(cells) + 1) * size // cells))
        for size, cells in zip(mask.shape, shape, strict=True)
    )
    inside = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    return (inside / ((bottom - top)[:, None] * (right - left))).astype(np.float32)


def fuse(instances, semantic, stuff_map, num_things, num_stuff, fusion):
    """Give each pixel to one segment: things by falling score, then stuff by the semantic map.

    Returns:
        Map of values, ``num_things + num_stuff`` for void, and the segments' descriptions.
    """
    if not fusion['stuff_instances']:
        instances = _chosen(instances, instances['labels'] < num_things)
    void = num_things + num_stuff
    panoptic_map = np.full(semantic.shape, -1, np.int32)
    things, number = [], 0
    for index in np.argsort(-instances['scores'], kind='stable'):
        label, score, mask = int(instances['labels'][index]), instances['scores'][index], instances['masks'][index]
        area = np.float32(np.count_nonzero(mask))
        if area == 0 or score < np.float32(fusion['score_thr']):
            continue
        visible = mask & (panoptic_map < 0)
        free = np.count_nonzero(visible)
        if np.float32(free) / area < np.float32(fusion['min_visible']) or free < fusion['min_thing_area']:
            continue
        agreeing = np.float32(np.count_nonzero(mask & (semantic == label)))
        if fusion['min_agreement'] > 0 and agreeing / area < np.float32(fusion['min_agreement']):
            continue
        if free == 0:
            continue
        if label < num_things:
            number += 1
            things.append((label + OFFSET * number, label, float(score)))
        panoptic_map[visible] = things[-1][0] if label < num_things else label
    is_stuff = (semantic >= num_things) & (semantic < void)
    filling = np.where(is_stuff, semantic, stuff_map if fusion['unclaimed'] == 'stuff' else void)
    panoptic_map = np.where(panoptic_map < 0, filling.astype(np.int32), panoptic_map)
    stuff = [(label, label, None) for label in range(num_things, void)]
    segments = []
    for value, label, score in [*things, *stuff]:
        mask = panoptic_map == value
        area = int(np.count_nonzero(mask))
        if label >= num_things and area < max(1, fusion['min_stuff_area']):
            panoptic_map[mask] = void
            continue
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        box = [int(side) for side in (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)]
        is_thing = label < num_things
        segments.append(dict(id=value + 1, category_id=label, isthing=is_thing, score=score, area=area, bbox=box))
    return panoptic_map, segments


def _name_unknown_things(semantic, stuff_map, values):
    """Give pixels of an unknown thing the class of the fused thing there, or else that of the best stuff."""
    named = stuff_map
    if values is not None:
        named = np.where(values >= OFFSET, values % OFFSET, stuff_map)
    return np.where(semantic == VOID, named, semantic).astype(semantic.dtype)


def _chosen(instances, index):
    return {key: values[index] for key, values in instances.items()}


def _by_falling_score(instances):
    return _chosen(instances, np.argsort(-instances['scores'], kind='stable'))


def _no_instances(shape):
    return dict(
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        labels=np.zeros(0, np.int64),
        masks=np.zeros((0, *shape), bool),
    )


def _open_onnx(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]

    def run(image, height, width):
        sizes = dict(height=np.asarray(height, np.int64), width=np.asarray(width, np.int64))
        return dict(zip(names, session.run(names, dict(image=image, **sizes)), strict=True))

    return run, session.get_modelmeta().custom_metadata_map['panseg']


def _open_openvino(path, threads):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    exact = dict(INFERENCE_PRECISION_HINT='f32', **(dict(INFERENCE_NUM_THREADS=threads) if threads else {}))
    compiled = core.compile_model(model, 'CPU', exact)
    names = [output.get_any_name() for output in compiled.outputs]

    def run(image, height, width):
        sizes = dict(height=np.asarray(height, np.int64), width=np.asarray(width, np.int64))
        results = compiled(dict(image=image, **sizes))
        return {name: np.array(results[place]) for place, name in enumerate(names)}

    return run, model.get_rt_info(['panseg']).astype(str)


def _rle(mask):
    """COCO's uncompressed run lengths, column by column, beginning with zeros."""
    flat = np.concatenate([[False], mask.ravel(order='F'), [False]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], changes, [mask.size]]))
    return dict(size=list(mask.shape), counts=counts[: len(counts) - (counts[-1] == 0)].tolist())


def _above(found, threshold):
    """Keep the instances of a score; the panoptic map has its own threshold in the model."""
    if 'scores' not in found:
        return found
    kept = found['scores'] >= threshold
    return {**found, **{key: found[key][kept] for key in ('boxes', 'scores', 'labels', 'masks')}}


def _save(found, model, image, folder, name):
    """Write instances as JSON, maps as PNG (panoptic ids in COCO's colours) and a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    colors = np.array([*model.settings['palette'], (0, 0, 0)], np.uint8)
    picture = image.copy()
    record = dict(classes=model.classes, instances=[], segments_info=found.get('segments_info'))
    columns = [found.get(key, ()) for key in ('boxes', 'scores', 'labels', 'masks')]
    for box, score, label, mask in zip(*columns, strict=True):
        one = dict(category_id=int(label), name=model.classes[label], score=float(score), segmentation=_rle(mask))
        record['instances'].append(dict(one, bbox=[*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]))
    for label, mask in reversed(list(zip(*columns[2:], strict=True))):
        picture[mask] = picture[mask] // 2 + colors[label] // 2
    if 'panoptic_map' in found:
        ids = found['panoptic_map']
        channels = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)
        Image.fromarray(channels).save(folder / f'{name}_panoptic.png')
        labels = np.where(ids == 0, len(model.classes), (ids - 1) % OFFSET)
        picture = (image // 2 + colors[labels] // 2).astype(np.uint8)
    if 'semantic_map' in found:
        Image.fromarray(found['semantic_map'].astype(np.uint8)).save(folder / f'{name}_semantic.png')
    Image.fromarray(picture).save(folder / f'{name}_picture.png')
    (folder / f'{name}.json').write_text(json.dumps(record))


def main():
    """Read the command line and predict the images."""
    parser = argparse.ArgumentParser(description='Predict images with an exported model.')
    parser.add_argument('images', nargs='+', help='image files')
    parser.add_argument('--model', help='the exported model (default: the .onnx or .xml with the name of this file)')
    parser.add_argument(
        '--out', help="folder for JSON, maps and pictures (default: 'found_' and the name of this file)"
    )
    parser.add_argument('--score-thr', type=float, default=0.3, help='least score of instances (default: 0.3)')
    parser.add_argument('--threads', type=int, default=0, help='number of threads (default: all)')
    arguments = parser.parse_args()
    beside = [Path(__file__).with_suffix(suffix) for suffix in ('.onnx', '.xml')]
    path = arguments.model or next((str(file) for file in beside if file.is_file()), None)
    if path is None:
        sys.exit(f'error: there is no {beside[0]}: name the model with --model.')
    model = Model(path, arguments.threads)
    for file in arguments.images:
        try:
            image = read_image(file, model.settings['rotate'], model.settings['bit_depth'])
        except (OSError, Image.DecompressionBombError) as error:
            sys.exit(f'error: {file} cannot be read as an image: {error}')
        found = _above(model(image), arguments.score_thr)
        folder = Path(arguments.out or f'found_{Path(__file__).stem}')
        _save(found, model, image, folder, Path(file).stem)
        counts = f'{len(found.get("scores", ()))} instances, {len(found.get("segments_info") or ())} segments'
        print(f'{file}: {counts}; written to {folder}')


if __name__ == '__main__':
    main()
