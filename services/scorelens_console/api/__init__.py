"""The JSON API: what a store's reader does, for programs that may not or need not reach the store."""
