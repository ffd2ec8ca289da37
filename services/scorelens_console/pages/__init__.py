"""The pages, one module for each: from a request to what a template shows."""
