"""Results as tables: one row per document, per tag, or per term of a calculation; shared by the SDK and the console.

Columns have the names that `scorelens export` gives them. Numbers are doubles, times microseconds in UTC.
"""
