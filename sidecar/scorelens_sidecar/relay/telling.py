"""Tells the relay's state (relay_state.py) to whoever connects to its private socket.

The event loop that passes calls writes it, so that an answer shows that it turns; calls cost nothing for it.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import cast

from scorelens_sidecar.relay.edge import Relay
from scorelens_sidecar.relay_state import RelayState


async def tell_state(relay: Relay, path: Path) -> asyncio.Server:
    """Begin to tell the state of a relay that serves; garbage collection ends it unless what is returned is kept."""
    started = time.time()

    class Teller(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            state = RelayState(os.getpid(), started, relay.draining, len(relay.pairs), relay.reached)
            writing = cast("asyncio.Transport", transport)
            writing.write(state.line())
            writing.close()

    return await asyncio.get_running_loop().create_unix_server(Teller, str(path))
