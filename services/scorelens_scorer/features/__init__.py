"""Features of documents: what a linear model sees of them, under names that people can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from scorelens.v1.scorer_pb2 import Document

Names = npt.NDArray[np.object_]


class Features(Protocol):
    """Turns documents into numbers."""

    @property
    def names(self) -> Names:
        """Name each column."""
        ...

    def matrix(self, documents: Sequence[Document]) -> Any:
        """Return the values as a SciPy CSR matrix (documents, features)."""
        ...
