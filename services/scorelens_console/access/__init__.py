"""Who somebody is, and what of the records they may see."""
