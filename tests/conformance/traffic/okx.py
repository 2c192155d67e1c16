"""OKX, both products: what the simulated ones say, and what they never say by themselves."""

from tests.conformance.description import SEQUENCE, answer
from tests.conformance.simulated import lazily

LIMITED = answer({"code": "50011", "msg": "Too Many Requests", "data": []}, 429)
UNCERTAIN = (answer({"code": "50004", "msg": "API endpoint request timeout", "data": []}, 400),)
TRAFFIC = {
    flavour: lazily(f"okx:{flavour}", integrity=SEQUENCE, limited=LIMITED, uncertain=UNCERTAIN)
    for flavour in ("spot", "swap")
}
