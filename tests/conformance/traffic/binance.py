"""Binance, all flavours: what the simulated ones say, and what they never say by themselves."""

from tests.conformance.description import SEQUENCE, answer
from tests.conformance.simulated import lazily

LIMITED = answer({"code": -1003, "msg": "Too many requests."}, 429, retry_after="7")
UNCERTAIN = (
    answer({"code": -1006, "msg": "Execution status unknown."}, 400),
    answer({"code": -1007, "msg": "Timeout waiting for response from backend server."}, 408),
)
TRAFFIC = {
    flavour: lazily(f"binance:{flavour}", integrity=SEQUENCE, limited=LIMITED, uncertain=UNCERTAIN)
    for flavour in ("spot", "testnet", "us", "usdm", "coinm")
}
