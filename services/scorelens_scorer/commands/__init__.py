"""Commands for the life of models: training, promoting, listing."""
