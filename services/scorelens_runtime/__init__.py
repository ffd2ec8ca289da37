"""What every component shares: settings, errors, logging, serving and supervising. Light to import; no gRPC here."""
