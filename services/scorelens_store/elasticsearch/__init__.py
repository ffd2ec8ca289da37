"""The store in Elasticsearch: one index per day, week or month, one document per record."""

from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.store import ElasticsearchStore, open_store

__all__ = ["ElasticsearchSettings", "ElasticsearchStore", "open_store"]
