"""Batches of images, and their augmentation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import augment_images, iterate_batches, labelled_inputs, open_source, pack_images, to_input


def test_batches_are_full_and_in_order(three_classes: Path) -> None:
    source = open_source("three", three_classes)
    images = pack_images(source, 32, lambda event: None).images
    data = labelled_inputs([torch.from_numpy(images)], [5, 1, 9, 30, 2], [0, 1, 2, 0, 1], torch.device("cpu"))
    batches = list(iterate_batches(data, torch.tensor([4, 0, 2, 1, 3]), 2))
    assert [labels.tolist() for _, labels in batches] == [[1, 0], [2, 1]]
    np.testing.assert_array_equal(batches[0][0].numpy(), images[[2, 5]])
    inputs = to_input(batches[0][0])
    assert inputs.shape == (2, 3, 32, 32)
    assert inputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["flip", "flip-rotate", "crop"])
def test_augmentation_differs_per_image_and_repeats_with_the_seed(kind: str) -> None:
    one = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    batch = one.repeat(64, 1, 1, 1)
    augmented = augment_images(batch, kind, torch.Generator().manual_seed(2))
    assert augmented.shape == batch.shape
    distinct = len({tuple(m.flatten()[:9].tolist()) for m in augmented})
    assert distinct == 2 if kind == "flip" else distinct == 64
    assert torch.equal(augmented, augment_images(batch, kind, torch.Generator().manual_seed(2)))
    assert torch.equal(augment_images(batch, "none", torch.Generator()), batch)
