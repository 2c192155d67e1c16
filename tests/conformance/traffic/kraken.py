"""Kraken: what the simulated one says, and what it never says by itself."""

from tests.conformance.description import CHECKSUM, answer
from tests.conformance.simulated import lazily

LIMITED = answer({"error": ["EAPI:Rate limit exceeded"]})
UNCERTAIN = (answer({"error": ["EService:Deadline elapsed"]}), answer({"error": ["EGeneral:Internal error"]}))
TRAFFIC = {
    flavour: lazily(f"kraken:{flavour}", integrity=CHECKSUM, limited=LIMITED, uncertain=UNCERTAIN)
    for flavour in ("spot",)
}
