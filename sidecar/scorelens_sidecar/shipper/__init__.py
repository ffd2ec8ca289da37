"""The shipper: tails the spool and hands its records to OTLP receivers and to the calculation log.

Each destination has a thread and a cursor of its own, so that one that is away holds up no other. docs/shipper.md says
what a receiver's answers mean.
"""
