"""Tests of scorelens_documents."""
