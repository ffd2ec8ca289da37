"""Names that components exchange: metadata keys, span names, attributes and events, and the versions of them.

One vocabulary for the sidecar that writes spans, the indexer that reads them, and anybody's own tools. Parallel arrays
are used wherever values belong together, because OpenTelemetry attributes do not nest.
"""

from typing import Final

SCHEMA_VERSION: Final = 1
"""Version of the attributes below and of the record they become."""

SCORER_SERVICE: Final = "scorelens.v1.Scorer"
SCORE_PATH: Final = "/scorelens.v1.Scorer/Score"
SCORE_STREAM_PATH: Final = "/scorelens.v1.Scorer/ScoreStream"

# Call metadata
VIEW_KEY: Final = "scorelens-view"
VIEW_FULL: Final = "full"
PURPOSE_KEY: Final = "scorelens-purpose"
PURPOSES: Final = ("production", "explain", "replay", "test")
DEFAULT_PURPOSE: Final = "production"
DRAINING_KEY: Final = "scorelens-draining"
"""Among the headers or trailers of an answer: the server is about to end, and has its sidecar send callers away while
it still answers. The value is "1"."""

# Resource attributes
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"

# Instrumentation scope of every span that the sidecar makes
SCOPE_NAME: Final = "scorelens.sidecar"

# Attributes of both kinds of spans
SCHEMA: Final = "scorelens.schema_version"  # int
RECORD: Final = "scorelens.record"  # "document" or "call"
RECORD_DOCUMENT: Final = "document"
RECORD_CALL: Final = "call"
RECORD_ID: Final = "scorelens.record.id"  # 32 hexadecimal digits: hash of trace, call span, message and document number
PURPOSE: Final = "scorelens.purpose"
SAMPLING_PROBABILITY: Final = "scorelens.sampling.probability"  # double, 0 exclusive to 1
MESSAGE_NUMBER: Final = "scorelens.message.number"  # int, from 0: which answer message of the call
DOCUMENT_NUMBER: Final = "scorelens.document.number"  # int, from 0: which document of the message
REQUEST_SIZE: Final = "scorelens.request.bytes"  # int, as on the wire, without framing
ANSWER_SIZE: Final = "scorelens.answer.bytes"  # int, as the scorer sent it, without framing
REQUEST_MESSAGES: Final = "scorelens.request.messages"  # int
ANSWER_MESSAGES: Final = "scorelens.answer.messages"  # int
TRUNCATED: Final = "scorelens.truncated"  # list of "request", "answer": larger than the capture limit, not decodable
REQUEST_HASH: Final = "scorelens.request.sha256"  # hexadecimal, of a truncated message
ANSWER_HASH: Final = "scorelens.answer.sha256"
END_REASON: Final = (
    "scorelens.call.end"  # "answered", "reset_by_client", "reset_by_server", "connection_lost", "withheld", "refused"
)
CAPTURE_ERROR: Final = "scorelens.capture.error"  # why a message of the contract could not be decoded
RPC_SYSTEM: Final = "rpc.system"  # "grpc"
RPC_SERVICE: Final = "rpc.service"
RPC_METHOD: Final = "rpc.method"
RPC_STATUS_CODE: Final = "rpc.grpc.status_code"  # int; absent for a call that ended without a status
SERVER_ADDRESS: Final = "server.address"
USER_AGENT: Final = "user_agent.original"

# Attributes of a document's span: the document
DOCUMENT_ID: Final = "scorelens.document.id"
DOCUMENT_KIND: Final = "scorelens.document.kind"
DOCUMENT_TITLE: Final = "scorelens.document.title"
DOCUMENT_TEXT: Final = "scorelens.document.text"
DOCUMENT_LANGUAGE: Final = "scorelens.document.language"
DOCUMENT_AUTHOR: Final = "scorelens.document.author"
DOCUMENT_SOURCE: Final = "scorelens.document.source"
DOCUMENT_SOURCE_URI: Final = "scorelens.document.source_uri"
DOCUMENT_AUDIENCE: Final = "scorelens.document.audience"  # int
DOCUMENT_PUBLISHED: Final = "scorelens.document.published_time"  # RFC 3339, UTC
DOCUMENT_ATTRIBUTE_KEYS: Final = "scorelens.document.attribute.keys"  # parallel to the values
DOCUMENT_ATTRIBUTE_VALUES: Final = "scorelens.document.attribute.values"
CUSTOMER_ID: Final = "scorelens.customer.id"
EVENT_TYPES: Final = "scorelens.activity.type"  # the arrays of activity events are parallel
EVENT_TIMES: Final = "scorelens.activity.time"  # RFC 3339, UTC; "" unknown
EVENT_AMOUNTS: Final = "scorelens.activity.amount"
EVENT_CURRENCIES: Final = "scorelens.activity.currency"
EVENT_BALANCES: Final = "scorelens.activity.balance"  # NaN unknown
EVENT_PRODUCTS: Final = "scorelens.activity.product"
EVENT_TEXTS: Final = "scorelens.activity.text"

# Attributes of a document's span: what the model said; the arrays of tags are parallel
MODEL_ID: Final = "scorelens.model.id"
MODEL_VERSION: Final = "scorelens.model.version"
TAG_IDS: Final = "scorelens.tag.id"
TAG_TITLES: Final = "scorelens.tag.title"
TAG_GROUPS: Final = "scorelens.tag.group"
TAG_PROBABILITIES: Final = "scorelens.tag.probability"
TAG_SELECTED: Final = "scorelens.tag.selected"
TAG_THRESHOLDS: Final = "scorelens.tag.threshold"  # only with calculations, like the margins
TAG_MARGINS: Final = "scorelens.tag.margin"

# One event of a document's span per tag: how its probability came about
CALCULATION_EVENT: Final = "scorelens.calculation"
CALCULATION_TAG: Final = "scorelens.tag.id"
EXPLANATION: Final = "scorelens.explanation"  # "exact", "approximate" or "none"
INTERCEPT: Final = "scorelens.intercept"
TERM_FEATURES: Final = "scorelens.term.feature"  # the arrays of terms are parallel
TERM_VALUES: Final = "scorelens.term.value"
TERM_COEFFICIENTS: Final = "scorelens.term.coefficient"
TERM_CONTRIBUTIONS: Final = "scorelens.term.contribution"
REMAINDER: Final = "scorelens.remainder"
REMAINDER_TERMS: Final = "scorelens.remainder.terms"  # int
MARGIN: Final = "scorelens.margin"
LINK: Final = "scorelens.link"
LINK_PARAMETER_KEYS: Final = "scorelens.link.parameter.keys"
LINK_PARAMETER_VALUES: Final = "scorelens.link.parameter.values"
PROBABILITY: Final = "scorelens.probability"
THRESHOLD: Final = "scorelens.threshold"
SELECTED: Final = "scorelens.selected"
INTERMEDIATE_KEYS: Final = "scorelens.intermediate.keys"
INTERMEDIATE_VALUES: Final = "scorelens.intermediate.values"
