"""Commands of the indexer beside the server itself."""
