"""The contracts that all components of scorelens share."""
