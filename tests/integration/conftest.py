"""Servers that integration tests may ask for."""

from tests.support.services import nats_server, own_nats, own_redis, redis_server

__all__ = ["nats_server", "own_nats", "own_redis", "redis_server"]
