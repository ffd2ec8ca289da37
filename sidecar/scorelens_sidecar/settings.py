"""Settings of the sidecar. Its supervisor, relay and shipper read the same ones; docs/settings.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scorelens_runtime.admin.address import Address, admin_setting, metrics_otlp_setting
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home
from scorelens_runtime.settings import choice, duration, ratio, setting, size, whole, yes_no
from scorelens_sidecar.redactable import read_redactions

LEAST_BYTES = 64 * 2**10
MOST_BATCH_BYTES = 64 * 2**20


def _endpoints(text: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint.parse(part.strip()) for part in text.split(",") if part.strip())


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute() if text else default_home() / "sidecar"


def _file(text: str) -> Path | None:
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_file():
        raise SettingError(f"there is no file {text}")
    return path


def fsync_interval(text: str) -> float | None:
    """Read when records are forced to disk: seconds between two times, 0.0 for always, None for never."""
    if text in ("never", "always"):
        return None if text == "never" else 0.0
    try:
        interval = duration(text)
    except SettingError:
        interval = 0.0
    if interval <= 0:
        raise SettingError(f"{text!r} is neither never nor always nor an interval such as 1s")
    return interval


def _fsync(text: str) -> str:
    fsync_interval(text)
    return text


@dataclass(frozen=True)
class SidecarSettings:
    """Where the sidecar listens, what it stands in front of, what it keeps, and where it sends it."""

    listen: Endpoint = setting("127.0.0.1:50051", "Address that callers connect to.", Endpoint.parse_listen)
    upstream: Endpoint = setting("127.0.0.1:50052", "The gRPC server behind the sidecar.", Endpoint.parse)
    upstream_wait: float = setting(
        "0s",
        "How long callers wait for an upstream that is away, such as one that starts again, before calls fail.",
        duration,
    )
    otlp: tuple[Endpoint, ...] = setting(
        "127.0.0.1:4317", "OTLP/gRPC receivers of the spans, separated by commas; each gets all of them.", _endpoints
    )
    folder: Path = setting("", "Folder of spool, calculation log and dead letters (SCORELENS_HOME/sidecar).", _folder)

    tls_certificate: Path | None = setting("", "PEM certificate chain shown to callers; none serves plain.", _file)
    tls_key: Path | None = setting("", "PEM private key of that certificate.", _file)
    upstream_ca: Path | None = setting(
        "", "PEM authorities for an encrypted upstream; none trusts the system's.", _file
    )
    otlp_ca: Path | None = setting("", "PEM authorities for encrypted receivers; none trusts the system's.", _file)
    otlp_headers_file: Path | None = setting(
        "", "File of `name: value` lines sent as metadata to the receivers, such as an authorization.", _file
    )

    calculations: bool = setting("yes", "Ask the scorer for calculations and take them out of the answers.", yes_no)
    clients_may_ask: bool = setting("yes", "Whether callers may receive calculations when they ask for them.", yes_no)
    sample: float = setting("1", "Share of calls to record; a call is chosen by its trace id.", ratio)
    capture_limit: int = setting("16MiB", "Largest message to record whole; a larger one is cut and hashed.", size)
    capture_memory: int = setting("64MiB", "Bytes that captures in flight may hold together.", size)
    rewrite_limit: int = setting(
        "16MiB",
        "Largest answer of unusual shape to hold and rewrite without calculations; larger ones are withheld.",
        size,
    )
    mode: str = setting(
        "best-effort",
        "best-effort: a full spool never stops a call; required: it refuses calls.",
        choice("best-effort", "required"),
    )
    fsync: str = setting(
        "1s",
        "When records are forced to disk: never, always (before the answer goes), or an interval such as 1s.",
        _fsync,
    )
    spool_bytes: int = setting("4GiB", "Most bytes the spool may hold.", size)
    spool_age: float = setting("7d", "Longest time a record waits in the spool before it is given up.", duration)
    spool_keep: float = setting(
        "0s",
        "How long segments stay that every receiver has, to be sent again; they take at most half of the spool.",
        duration,
    )
    segment_bytes: int = setting("64MiB", "Size at which a segment of the spool is closed.", size)

    batch_bytes: int = setting("3MiB", "Most bytes of one export.", size)
    batch_calls: int = setting("512", "Most records of one export.", whole(1))
    export_timeout: float = setting("30s", "Longest wait for a receiver's answer.", duration)
    poll: float = setting("100ms", "How often the shipper looks for new records when it has sent all.", duration)
    log_bytes: int = setting("256MiB", "Size at which the calculation log is rotated; 0 writes none.", size)
    log_files: int = setting("4", "How many rotated calculation logs are kept.", whole(1))
    redact: tuple[str, ...] = setting(
        "",
        "What to mask before anything leaves: email, iban, card, phone, or fields such as author, customer.id.",
        read_redactions,
    )
    service_name: str = setting("scorelens-sidecar", "service.name of the spans.", str)
    environment: str = setting("", "deployment.environment.name of the spans.", str)
    drain: float = setting("10s", "How long calls in flight may go on after SIGTERM.", duration)
    patience: float = setting(
        "1s",
        "How long after SIGTERM to wait for a receiver that takes nothing; longer than --drain where the spool is not "
        "kept, so that sending goes on as long as receivers take anything.",
        duration,
    )
    admin: Address | None = admin_setting()
    metrics_otlp: Endpoint | None = metrics_otlp_setting()
    log_level: str = setting("info", "Least level of log lines.", choice("debug", "info", "warning", "error"))


def check(settings: SidecarSettings) -> None:
    """Refuse settings that are right one by one and wrong together; raises SettingError that names them."""
    if (settings.tls_key is None) != (settings.tls_certificate is None):
        missing, given = ("--tls-certificate", "--tls-key")[:: 1 if settings.tls_key else -1]
        raise SettingError(f"setting {given}: needs {missing} as well; the two belong together")
    if not settings.otlp:
        raise SettingError("setting --otlp: names no receiver; name at least one HOST:PORT")
    if len(set(settings.otlp)) < len(settings.otlp):
        raise SettingError("setting --otlp: names a receiver twice; each gets everything anyway")
    if settings.listen.port and settings.listen.address == settings.upstream.address:
        raise SettingError(f"setting --upstream: {settings.upstream.address} is where the sidecar itself listens")
    for name in ("segment_bytes", "spool_bytes", "batch_bytes"):
        if getattr(settings, name) < LEAST_BYTES:
            raise SettingError(f"setting --{name.replace('_', '-')}: must be at least 64KiB")
    if settings.batch_bytes > MOST_BATCH_BYTES:
        raise SettingError("setting --batch-bytes: no receiver takes more than 64MiB at once, most take 4MiB")
    if settings.spool_age <= 0:
        raise SettingError("setting --spool-age: must be longer than nothing")
    if settings.spool_keep > settings.spool_age:
        raise SettingError("setting --spool-keep: must not exceed --spool-age, after which nothing is sent any more")
