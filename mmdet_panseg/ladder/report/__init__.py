"""Comparison of finished runs: tables and a picture."""
