"""What everybody who reads records shares: calculations and their pictures, and how brands are seen."""
