"""From HTTP to pages and back: who asks, what is refused, how a page is written."""
