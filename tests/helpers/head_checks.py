"""What the tests of all SOLO heads assert: the same training, the same predictions, mixed precision."""

from __future__ import annotations

import copy

import torch

TOLERANCE = {torch.float32: dict(rtol=2e-4, atol=2e-5), torch.float64: dict(rtol=1e-9, atol=1e-9)}
EXACTLY = TOLERANCE[torch.float64]


def losses_with_gradients(head, features, samples):
    """Losses of a batch, and their gradients with respect to the parameters and features."""
    features = [feature.detach().clone().requires_grad_() for feature in features]
    head.zero_grad(set_to_none=True)
    losses = head.loss(tuple(features), copy.deepcopy(samples))
    sum(losses.values()).backward()
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    gradients.update({f'features.{level}': feature.grad for level, feature in enumerate(features)})
    return dict(losses), gradients


def assert_same_training(result, expected, absent_is_zero=False, **tolerance):
    """Losses and gradients are equal and every parameter has one; ``absent_is_zero`` where the reference has none."""
    (losses, gradients), (expected_losses, expected_gradients) = result, expected
    assert losses.keys() == expected_losses.keys()
    for name in losses:
        torch.testing.assert_close(losses[name], torch.as_tensor(expected_losses[name]), msg=name, **tolerance)
    for name, gradient in gradients.items():
        assert gradient is not None, f'{name} has no gradient'
        reference = expected_gradients[name]
        if reference is None and absent_is_zero:
            reference = torch.zeros_like(gradient)
        torch.testing.assert_close(gradient, reference, msg=name, **tolerance)


def assert_same_predictions(head, reference, features, samples, enough=any):
    """Scores, labels, masks and order are equal; ``enough`` images must have more than three objects."""
    head.eval(), reference.eval()
    with torch.no_grad():
        expected = reference.predict(tuple(features), samples, rescale=True)
    results = head.predict(tuple(features), samples, rescale=True)
    assert enough(len(result.scores) > 3 for result in expected), 'the case has too few candidates to tell anything'
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(result.scores, wanted.scores, **TOLERANCE[wanted.scores.dtype])
        assert torch.equal(result.labels, wanted.labels)
        differing = (result.masks != wanted.masks).sum()
        assert differing == 0 if wanted.scores.dtype == torch.float64 else differing <= 2e-5 * wanted.masks.numel()
        assert result.masks.shape[1:] == samples[0].ori_shape


def assert_mixed_precision_trains(head, features, samples):
    """Losses under bfloat16 autocast are float32 and near those without it, gradients are finite."""
    expected, _ = losses_with_gradients(head, features, samples)
    with torch.autocast('cpu', torch.bfloat16):
        losses, gradients = losses_with_gradients(head, features, samples)
    for name in expected:
        assert losses[name].dtype == torch.float32
        torch.testing.assert_close(losses[name], expected[name], rtol=0.05, atol=0.01)
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


def assert_mixed_precision_predicts(head, features, samples):
    """Objects are found under bfloat16 autocast, the best score near that without it; results are float32."""
    head.eval()
    expected = head.predict(features, samples)
    with torch.autocast('cpu', torch.bfloat16):
        results = head.predict(features, samples)
    for result, reference in zip(results, expected, strict=True):
        assert result.masks.dtype == torch.bool and len(result.scores)
        assert abs(result.scores[0] - reference.scores[0]) < 0.05
        assert result.scores.dtype == result.bboxes.dtype == torch.float32


def assert_empty_before_training(head, features, samples):
    """There are no candidates after ``init_weights``, and an empty result has the right shapes and types."""
    head.init_weights()
    head.eval()
    for result in head.predict(features, samples, rescale=True):
        assert len(result.scores) == 0
        assert result.masks.shape == (0, *samples[0].ori_shape) and result.masks.dtype == torch.bool
        assert result.bboxes.shape == (0, 4) and result.labels.dtype == torch.long
