"""bpx-py, Backpack's own client. It speaks REST alone, and gives errors back as the venue wrote them."""

from collections.abc import Callable
from typing import Any

from bpx.account import Account
from bpx.public import Public
from common import Diary, main, rebase, wrong

SYMBOL = "BTC_USDC"


async def visit(place: dict[str, Any]) -> dict[str, Any]:
    """Everything, in order."""
    diary = Diary()
    Public.BASE_URL = rebase(Public.BASE_URL, place["port"])
    Account.BPX_API_URL = rebase(Account.BPX_API_URL, place["port"])
    public = Public()
    account = Account(place["key"], place["secret"])
    stranger = Account(place["key"], wrong(place["secret"]))

    async def ask(name: str, method: Callable[..., Any], *wishes: Any, **more: Any) -> Any:
        return await diary.note(name, lambda: method(*wishes, **more))

    await ask("time", public.get_time)
    await ask("markets", public.get_markets)
    book = await ask("book", public.get_depth, SYMBOL)
    await ask("ticker", public.get_ticker, SYMBOL)
    await ask("balances", account.get_balances)
    price = f"{float(book['bids'][-1][0]) * 0.9:.2f}"
    placed = await ask(
        "placed",
        account.execute_order,
        *(SYMBOL, "Bid", "Limit"),
        quantity="0.02",
        price=price,
        time_in_force="GTC",
        post_only=True,
        client_id=7,
    )
    await ask("balances_resting", account.get_balances)
    await ask("queried", account.get_open_order, SYMBOL, order_id=placed["id"])
    await ask("open", account.get_open_orders, "SPOT", SYMBOL)
    await ask("cancelled", account.cancel_order, SYMBOL, order_id=placed["id"])
    await ask("queried_cancelled", account.get_open_order, SYMBOL, order_id=placed["id"])
    bought = await ask("bought", account.execute_order, SYMBOL, "Bid", "Market", quantity="0.02")
    await ask("fills", account.get_fill_history, SYMBOL)
    await ask("history", account.get_order_history, order_id=bought["id"])
    await ask("balances_bought", account.get_balances)
    order = {"quantity": "0.02", "time_in_force": "GTC"}
    await ask("off_the_grid", account.execute_order, SYMBOL, "Bid", "Limit", **order, price=f"{price}5")
    await ask("wrong_secret", stranger.get_balances)
    return diary.seen


if __name__ == "__main__":
    main(visit)
