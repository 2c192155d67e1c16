"""Bybit, both products: what the simulated ones say, and what they never say by themselves."""

from tests.conformance.description import SEQUENCE, answer
from tests.conformance.simulated import lazily

LIMITED = answer({"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "time": 1_700_000_000_005})
UNCERTAIN = (answer({"retCode": 10016, "retMsg": "Server error", "result": {}, "time": 1_700_000_000_005}),)
TRAFFIC = {
    flavour: lazily(f"bybit:{flavour}", integrity=SEQUENCE, limited=LIMITED, uncertain=UNCERTAIN)
    for flavour in ("linear", "spot")
}
