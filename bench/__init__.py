"""Train scratch, frozen and fine-tuned VGGs and a small CNN on the same device under the same rules."""
