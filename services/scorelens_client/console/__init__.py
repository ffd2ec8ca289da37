"""Reading records through a console instead of the store, by a token that carries a role."""
