"""Trainings and tests of a ladder's rungs, in processes that may be interrupted."""
