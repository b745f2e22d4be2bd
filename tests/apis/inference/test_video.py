from __future__ import annotations

import json
from fractions import Fraction

import cv2
import numpy as np
import pytest

from inference_cases import photograph, write_run
from mmdet_panseg.apis.inference import PanopticInferencer, SourceError
from mmdet_panseg.apis.inference.output import VideoFile
from mmdet_panseg.apis.inference.sources import VideoSource, open_source
from mmdet_panseg.apis.inference.steady_numbers import SteadyNumbers

av = pytest.importorskip('av')
RATE = Fraction(30000, 1001)


def write_video(path, count=8, size=(63, 97), rate=RATE, times=None):
    """Frames whose grey rises from one to the next."""
    with VideoFile(path, rate) as video:
        for index in range(count):
            frame = np.full((*size, 3), 20 + 25 * index, np.uint8)
            video.write(frame, None if times is None else times[index])
    return path


def greys(images):
    return [round(float(image.pixels.mean() - 20) / 25) for image in images]


def test_frames_come_out_as_they_went_in(tmp_path):
    source = open_source(write_video(tmp_path / 'a.mp4'))
    assert isinstance(source, VideoSource) and source.frame_rate == RATE
    images = list(source)
    assert greys(images) == list(range(8)) and len(images) == 8
    # H.264 wants even sides.
    assert images[0].pixels.shape == (64, 98, 3)
    assert [image.name for image in images[:2]] == ['frame_000000', 'frame_000001']
    np.testing.assert_allclose([image.time for image in images], [index / float(RATE) for index in range(8)], atol=1e-4)
    with av.open(str(tmp_path / 'a.mp4')) as container:
        assert container.streams.video[0].codec_context.name == 'h264'
        assert container.streams.video[0].pix_fmt == 'yuv420p'


def test_colours_stay_what_they_are(tmp_path):
    with VideoFile(tmp_path / 'a.mp4', Fraction(10)) as video:
        video.write(np.broadcast_to(np.uint8([200, 60, 30]), (32, 32, 3)))
    (image,) = open_source(tmp_path / 'a.mp4')
    assert np.abs(image.rgb().reshape(-1, 3).mean(axis=0) - [200, 60, 30]).max() < 6


def test_times_of_a_variable_rate_are_kept(tmp_path):
    times = [0, 0.1, 0.5, 0.52, 1.9]
    path = write_video(tmp_path / 'a.mp4', 5, times=times, rate=Fraction(10))
    np.testing.assert_allclose([image.time for image in open_source(path)], times, atol=1e-3)


def test_turned_videos_are_upright(tmp_path):
    """The left half is bright as the camera has stored it; the metadata turn it up."""
    frame = np.full((64, 96, 3), 30, np.uint8)
    frame[:, :48] = 220
    with VideoFile(tmp_path / 'plain.mp4', Fraction(5)) as video:
        video.write(frame)
    content = (tmp_path / 'plain.mp4').read_bytes()
    unturned = b''.join(int(value).to_bytes(4, 'big') for value in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    turned = b''.join(
        value.to_bytes(4, 'big', signed=True) for value in (0, 0x10000, 0, -0x10000, 0, 0, 64 << 16, 0, 0x40000000)
    )
    head = content.index(b'tkhd')
    place = content.index(unturned, head)
    (tmp_path / 'turned.mp4').write_bytes(content[:place] + turned + content[place + 36 :])
    (image,) = open_source(tmp_path / 'turned.mp4')
    assert image.pixels.shape == (96, 64, 3)
    # A quarter clockwise: what was left is above.
    assert image.pixels[:40].mean() > 180 and image.pixels[56:].mean() < 60


def test_a_frame_that_does_not_decode_is_named_and_the_others_go_on(tmp_path, monkeypatch):
    path = write_video(tmp_path / 'a.mp4')
    content, packets = bytearray(path.read_bytes()), []
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    place, size = packets[3]
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    source = open_source(path)
    images = list(source)
    assert len(source.left_out) == 1 and 'does not decode' in source.left_out[0], source.left_out
    assert len(images) + len(source.left_out) == 8


def test_a_video_is_predicted_and_written(tmp_path):
    write_run(tmp_path / 'run')
    with VideoFile(tmp_path / 'in.mp4', Fraction(12)) as video:
        for _ in range(3):
            video.write(photograph(size=(64, 96))[..., ::-1])
    inferencer = PanopticInferencer(tmp_path / 'run', score_thr=0.15)
    folder = inferencer(tmp_path / 'in.mp4').save(tmp_path / 'out', side_by_side=True)
    assert sorted(path.name for path in folder.iterdir()) == ['in.mp4', 'instances.json']
    found = json.loads((folder / 'instances.json').read_text())
    assert [image['file_name'] for image in found['images']] == [f'frame_{index:06d}' for index in range(3)]
    written = open_source(folder / 'in.mp4')
    images = list(written)
    assert len(images) == 3 and written.frame_rate == 12 and images[0].pixels.shape[1] == 96 * 2 + 8

    folder = inferencer(tmp_path / 'in.mp4').save(tmp_path / 'maps', outputs=['panoptic'])
    assert sorted(path.name for path in (folder / 'panoptic').iterdir()) == [f'frame_{i:06d}.png' for i in range(3)]


def test_an_interrupted_video_can_be_played(tmp_path):
    video = VideoFile(tmp_path / 'a.mp4', Fraction(10))
    rng = np.random.default_rng(0)
    for _ in range(80):
        video.write(rng.integers(0, 256, (32, 32, 3), np.uint8))
    # As if the process had been killed: nothing is closed.
    content = (tmp_path / 'a.mp4').read_bytes()
    (tmp_path / 'killed.mp4').write_bytes(content)
    video.close()
    # All but what the encoder holds back to look ahead, and the fragment that has begun.
    assert len(list(open_source(tmp_path / 'killed.mp4'))) >= 40


def test_faults_are_named(tmp_path):
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(SourceError, match='cannot be read as a video'):
        open_source(tmp_path / 'text.mp4')
    with av.open(str(tmp_path / 'sound.mp4'), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        stream.layout = 'mono'
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match='has no pictures'):
        open_source(tmp_path / 'sound.mp4')


def test_a_camera_is_read_until_it_stops(monkeypatch):
    class Camera:
        def __init__(self, number):
            self.frames = [np.full((4, 6, 3), grey, np.uint8) for grey in (1, 2)] if number == 0 else None

        def isOpened(self):  # noqa: N802
            return self.frames is not None

        def set(self, *_):
            return True

        def read(self):
            return (True, self.frames.pop(0)) if self.frames else (False, None)

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    images = list(open_source(0))
    assert [image.pixels[0, 0, 0] for image in images] == [1, 2]
    assert images[0].time <= images[1].time
    with pytest.raises(SourceError, match='camera 3: does not open'):
        list(open_source('3'))


def test_the_same_object_keeps_its_number():
    steady = SteadyNumbers()
    boxes = np.float32([[0, 0, 10, 10], [50, 50, 70, 70], [0, 0, 10, 10]])
    labels = np.array([0, 0, 1])
    assert steady(boxes, labels).tolist() == [0, 1, 0]
    # In another order and a little further; one is gone and one of its class is new.
    moved = np.float32([[52, 51, 72, 70], [90, 0, 99, 9], [1, 0, 11, 10]])
    assert steady(moved, np.array([0, 0, 1])).tolist() == [1, 0, 0]
    assert steady(np.zeros((0, 4), np.float32), np.zeros(0, int)).tolist() == []
    assert steady(boxes, labels).tolist() == [0, 1, 0]
