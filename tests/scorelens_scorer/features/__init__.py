"""What a linear model sees of documents."""
