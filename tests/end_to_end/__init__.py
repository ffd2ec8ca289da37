"""The path of a call from the caller to the store, with every part a real process."""
