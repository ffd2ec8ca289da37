"""Why nothing can be learned from a file.

ScorelensError
└── UnteachableError     its columns, tags or rows do not do; the text names them and says what to change
"""

from scorelens_runtime.errors import ScorelensError


class UnteachableError(ScorelensError):
    """A file that nothing can be learned from as it is, or as the options say."""
