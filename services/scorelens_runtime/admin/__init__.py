"""The admin port: whether a process lives, whether it can do its work, and its metrics, over plain HTTP."""
