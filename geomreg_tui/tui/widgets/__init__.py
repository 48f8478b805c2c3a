"""Widgets: each draws one part of a view and sends only what changed."""
