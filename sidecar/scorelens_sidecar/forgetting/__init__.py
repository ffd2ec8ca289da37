"""Taking documents out of a sidecar's folder: its spool, its calculation log and its dead letters; docs/forget.md."""
