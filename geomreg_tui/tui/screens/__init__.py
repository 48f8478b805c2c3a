"""Screens: each composes widgets and routes keys."""
