"""Penora: a small client app of Unified that writes pages of text from a prompt."""
