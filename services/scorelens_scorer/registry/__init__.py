"""Kept versions of models: which is in use, since when, by whom, and which processes serve it.

CACHE/<model id>/<version>/     a saved model: manifest.json, model.skops, and what else belongs to it
CACHE/<model id>/in-use.json    the version in use, and every change of it
CACHE/.serving/<name>.json      what one living process serves; its lock on the file ends with it

Whoever changes a model writes in-use.json; every scorer process looks at it twice a second.
"""
