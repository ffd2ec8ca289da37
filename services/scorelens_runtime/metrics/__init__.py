"""What a component tells of itself in numbers: definitions, cheap counting, and export by the OpenTelemetry SDK."""
