"""The sidecar: a relay that records what passes, and a shipper that sends the records on."""
