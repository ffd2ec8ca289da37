"""Tests against a real API server, for `make test-k8s`: Kubernetes is built once, in a quarter of an hour."""
