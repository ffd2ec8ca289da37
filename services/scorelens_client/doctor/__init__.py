"""`scorelens doctor`: what is wrong with a system, and what to do. It looks and changes nothing.

places.py      where each part is, by the variables of the parts themselves
run.py         all checks at the same time, each bounded
findings.py    what a check says
the others     one kind of check each; what is judged by numbers alone is pure, in files named after what is judged

Only the libraries that every component has are needed; what wants more says so where they are missing.
"""
