"""Watches a sidecar from beside its hot paths: reads what relay and shipper leave on disk, serves the admin port."""
