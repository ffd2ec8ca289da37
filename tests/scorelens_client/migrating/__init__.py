"""Moving records between stores."""
