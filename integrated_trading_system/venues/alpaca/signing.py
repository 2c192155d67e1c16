"""How a request proves whose it is: key and secret themselves, over TLS. There is nothing to compute.

Pure: the driver calls these at the send.
"""

import msgspec

from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.venue import Credentials


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:  # noqa: ARG001 - every venue signs alike
    """Key and secret in headers; the venue wants no time and no signature."""
    headers = (
        *request.headers,
        ("APCA-API-KEY-ID", credentials.api_key),
        ("APCA-API-SECRET-KEY", credentials.api_secret),
    )
    return msgspec.structs.replace(request, headers=headers)


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:  # noqa: ARG001 - every venue signs alike
    """The logon frame with key and secret, where its stream wants them: two streams, two spellings."""
    logon = msgspec.json.decode(frame)
    if logon["action"] == "authenticate":
        data = {"key_id": credentials.api_key, "secret_key": credentials.api_secret}
        return msgspec.json.encode(logon | {"data": data})
    return msgspec.json.encode(logon | {"key": credentials.api_key, "secret": credentials.api_secret})
