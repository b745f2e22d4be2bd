"""Mixed precision, gradient accumulation and channels-last on a CPU."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmdet_panseg.engine import CPUAmpOptimWrapper
from mmdet_panseg.engine.optim import bfloat16_speed
from mmdet_panseg.engine.training import use_mixed_precision
from toy_run import ToyDataset, ToyModel


def total_loss(model):
    model.eval()
    with torch.no_grad():
        losses = model([ToyDataset()[index]['inputs'] for index in range(32)], mode='loss')
    return float(losses['loss_mean'])


def test_trains_in_bfloat16_with_float32_weights(toy_config):
    config = toy_config(iterations=40, batch_size=8)
    config.optim_wrapper.loss_scale = 'dynamic'
    use_mixed_precision(config)
    runner = Runner.from_cfg(config)
    before = total_loss(runner.model)
    runner.model.seen_types.clear()
    runner.train()
    assert isinstance(runner.optim_wrapper, CPUAmpOptimWrapper)
    assert runner.model.seen_types == [torch.bfloat16] * 40
    assert {value.dtype for value in runner.model.parameters()} == {torch.float32}
    state = runner.optim_wrapper.optimizer.state.values()
    assert {entry['momentum_buffer'].dtype for entry in state} == {torch.float32}
    assert not torch.is_autocast_enabled('cpu')
    assert total_loss(runner.model) < 0.5 * before


@pytest.mark.parametrize(('slowdown', 'warned'), [(11.2, True), (0.7, False)])
def test_a_processor_that_imitates_bfloat16_is_named(toy_config, monkeypatch, log, slowdown, warned):
    monkeypatch.setattr(bfloat16_speed, 'bfloat16_slowdown', lambda: slowdown)
    use_mixed_precision(toy_config(iterations=1))
    assert ('takes 11 times as long as in float32' in log.text) == warned


def test_times_of_both_types_are_compared(monkeypatch):
    clock = iter([0, 5, 0, 3, 0, 4, 0, 2, 0, 1, 0, 9])  # seconds of three steps in bfloat16, then in float32
    monkeypatch.setattr(bfloat16_speed.time, 'perf_counter', lambda: next(clock))
    assert bfloat16_speed.bfloat16_slowdown() == 3


@pytest.mark.parametrize('wrapper_type', [OptimWrapper, CPUAmpOptimWrapper])
def test_accumulated_gradients_equal_those_of_the_large_batch(wrapper_type):
    images = [ToyDataset()[index]['inputs'] for index in range(6)]

    def weights_after(batches, accumulative_counts):
        torch.manual_seed(0)
        model = ToyModel()
        wrapper = wrapper_type(
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1), accumulative_counts=accumulative_counts
        )
        wrapper.initialize_count_status(model, 0, len(batches))
        for batch in batches:
            with wrapper.optim_context(model):
                loss = model(batch, mode='loss')['loss_mean']
            wrapper.update_params(loss)
        return model.state_dict()

    start = weights_after([], 1)
    whole = weights_after([images], 1)
    parts = weights_after([images[:2], images[2:4], images[4:]], 3)
    tolerance = 1e-6 if wrapper_type is OptimWrapper else 2e-3
    assert any(not torch.allclose(whole[key], start[key], atol=10 * tolerance) for key in whole)
    for key in whole:
        torch.testing.assert_close(parts[key], whole[key], atol=tolerance, rtol=0)


BACKBONE = dict(type='ResNet', depth=18, num_stages=4, out_indices=(0, 1, 2, 3), norm_eval=False, init_cfg=None)
NECK = dict(type='FPN', in_channels=[64, 128, 256, 512], out_channels=32, num_outs=5)


@MODELS.register_module(force=True)
class FeatureModel(ToyModel):
    """mmdet's ResNet-18 with a pyramid, as a model that trains on the mean of its features."""

    def __init__(self):
        super().__init__()
        self.backbone, self.neck = MODELS.build(BACKBONE), MODELS.build(NECK)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        maps = self.neck(self.backbone(torch.stack(list(inputs))))
        return dict(loss=sum(level.square().mean() for level in maps)) if mode == 'loss' else maps


def test_channels_last_gives_the_same_features_and_gradients(toy_config):
    images = torch.rand(2, 3, 64, 96)
    model = FeatureModel()
    model.init_weights()
    expected = model(images)
    model(images, mode='loss')['loss'].backward()
    gradients = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad()

    config = toy_config(model=dict(type='FeatureModel'), custom_hooks=[dict(type='ChannelsLastHook')])
    runner = Runner.from_cfg(config)
    runner.call_hook('before_train')
    converted = runner.model
    converted.load_state_dict(model.state_dict())
    found = converted(images)
    for level, reference in zip(found, expected, strict=True):
        assert not reference.is_contiguous(memory_format=torch.channels_last)
        assert level.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(level, reference, atol=1e-4, rtol=1e-4)
    converted(images, mode='loss')['loss'].backward()
    assert len(gradients) > 60
    for name, reference in gradients.items():
        difference = (converted.get_parameter(name).grad - reference).norm()
        assert difference <= 1e-3 * reference.norm() + 1e-7, name


def test_channels_last_runs_train_and_save(toy_config):
    hooks = [dict(type='ChannelsLastHook')]
    plain = Runner.from_cfg(toy_config()).train().state_dict()
    model = Runner.from_cfg(toy_config(custom_hooks=hooks)).train()
    assert model.features[0].weight.is_contiguous(memory_format=torch.channels_last)
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, plain[key], atol=1e-5, rtol=1e-4)
