"""Trains models on a labelled file of one's own.

labels (columns -> tags of a row) -> reading (file -> Labelled) -> dividing (learn, calibrate, held out)
-> making (features, coefficients) -> measuring -> card and picture
"""
