"""What earlier versions wrote, kept as files, and tests that today's code reads it."""
