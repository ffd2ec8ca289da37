"""Pods of the overlays under load: drained, restarted, rolled, lost. `make test-pods` runs these; they take minutes."""
