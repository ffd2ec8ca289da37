"""What pages are made of (pure)."""
