"""Reads configs and finds what is wrong with them, a ladder's and a user's alike."""
