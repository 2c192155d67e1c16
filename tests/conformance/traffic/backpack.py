"""Backpack, both products: what the simulated ones say, and what they never say by themselves."""

from tests.conformance.description import SEQUENCE, answer
from tests.conformance.simulated import lazily

LIMITED = answer({"code": "TOO_MANY_REQUESTS", "message": "slow down"}, 429)
UNCERTAIN = (answer({"code": "TIMEOUT", "message": "timed out"}, 408),)
TRAFFIC = {
    flavour: lazily(f"backpack:{flavour}", integrity=SEQUENCE, limited=LIMITED, uncertain=UNCERTAIN)
    for flavour in ("spot", "perp")
}
