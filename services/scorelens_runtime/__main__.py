"""Lets `python -m scorelens_runtime` stand for the `scorelens` command."""

from scorelens_runtime.main import main

main()
