"""Indexing the records of an index anew, by the templates of now, while it is read and written.

Of the index X a copy X-2 is made, which no search reads. When it has all, writes to X are blocked, so that they wait
with their senders; the copy gets what came last, and one request puts it in the place of X, whose name is an alias from
then on. X stays what it was until that request, whatever happens before. A run that was killed is completed by the next
one: which index is in use only the aliases say.

Each run writes to a copy by an alias of its own, and the request that puts the copy in place demands that alias. Who
takes the alias away has stopped the run, wherever it is and whether or not it knows: it can neither write to the copy,
nor make an index by writing to it, nor put it in place.
"""
