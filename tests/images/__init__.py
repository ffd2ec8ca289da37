"""The images as they are built: `make test-images`. Not part of `make test`, since they take minutes and root."""
