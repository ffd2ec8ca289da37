"""Where records live: the contract, the query language, and the stores that keep the contract."""
