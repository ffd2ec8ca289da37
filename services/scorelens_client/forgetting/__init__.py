"""Forgetting documents everywhere at once: `scorelens forget`; docs/forget.md."""
