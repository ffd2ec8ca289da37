"""The query language: Lucene syntax in, a tree with resolved fields out, and one translation per store."""
