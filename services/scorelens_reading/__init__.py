"""What everybody who reads records shares: calculations and their pictures, how brands are seen, who is meant by a name."""
