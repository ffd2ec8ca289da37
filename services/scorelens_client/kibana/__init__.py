"""Saved objects of Kibana, made from what is known about the fields of a record, and their import."""
