"""The SDK on real servers and real stores."""
