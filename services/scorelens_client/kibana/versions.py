"""The versions of Kibana's formats that the objects are written in.

Kibana brings objects of an older version forward when it imports them and refuses newer ones. So each kind is written
in the oldest version that has what is used here: Kibana 8.14 and later import them, and 9, for which they are meant.
"""

from __future__ import annotations

from typing import Final

CORE: Final = "8.8.0"
"""`coreMigrationVersion`: the form of the envelope, the same since Kibana 8.8."""

TYPES: Final = {"index-pattern": "8.0.0", "search": "10.1.0", "dashboard": "10.2.0"}
"""`typeMigrationVersion` of each kind; what Lens charts within a dashboard look like goes by the dashboard's."""
