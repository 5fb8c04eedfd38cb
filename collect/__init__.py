"""Collect labelled photos into a reproducible, leak-free train/test split."""
