"""Tests of the shipper, against real receivers and real spools."""
