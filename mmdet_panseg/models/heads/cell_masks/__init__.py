"""Masks of chosen grid cells: how they are learnt, predicted and suppressed."""
