"""A mailbox is bounded, says what it sheds, and counts every message."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.errors import MailboxOverflow
from integrated_trading_system.runtime.mailbox import Mailbox, MailboxLimits


class Heartbeat(NamedTuple):
    number: int


class Price(NamedTuple):
    instrument: str
    value: int


class Order(NamedTuple):
    number: int


LIMITS = MailboxLimits(capacity=3, shed=(Heartbeat, Price), conflate={Price: lambda price: price.instrument})


def drain(mailbox: Mailbox) -> list[object]:
    return [mailbox.get() for _ in range(len(mailbox))]


def test_messages_come_out_in_the_order_they_were_put() -> None:
    mailbox = Mailbox("box", LIMITS)
    for number in range(3):
        mailbox.put(Order(number))
    assert drain(mailbox) == [Order(0), Order(1), Order(2)]


def test_a_newer_price_takes_the_place_of_an_older_one_of_the_same_instrument() -> None:
    mailbox = Mailbox("box", LIMITS)
    mailbox.put(Price("btc", 1))
    mailbox.put(Price("eth", 5))
    mailbox.put(Price("btc", 2))
    assert drain(mailbox) == [Price("btc", 2), Price("eth", 5)]
    assert mailbox.statistics().conflated == 1


def test_a_delivered_price_is_not_replaced_any_more() -> None:
    mailbox = Mailbox("box", LIMITS)
    mailbox.put(Price("btc", 1))
    assert mailbox.get() == Price("btc", 1)
    mailbox.put(Price("btc", 2))
    assert drain(mailbox) == [Price("btc", 2)]


def test_a_full_mailbox_sheds_heartbeats_before_prices_and_never_orders() -> None:
    mailbox = Mailbox("box", LIMITS)
    mailbox.put(Price("btc", 1))
    mailbox.put(Heartbeat(1))
    mailbox.put(Order(1))
    mailbox.put(Order(2))
    assert drain(mailbox) == [Price("btc", 1), Order(1), Order(2)]
    assert mailbox.statistics().dropped == 1


def test_a_newcomer_that_may_be_shed_goes_when_nothing_else_may() -> None:
    mailbox = Mailbox("box", LIMITS)
    for number in range(3):
        mailbox.put(Order(number))
    mailbox.put(Heartbeat(9))
    assert drain(mailbox) == [Order(0), Order(1), Order(2)]
    assert mailbox.statistics().dropped == 1


def test_an_order_that_finds_no_room_is_an_overflow_and_not_a_loss() -> None:
    mailbox = Mailbox("box", LIMITS)
    for number in range(3):
        mailbox.put(Order(number))
    with pytest.raises(MailboxOverflow, match="box is full"):
        mailbox.put(Order(3))


messages = st.one_of(
    st.builds(Heartbeat, st.integers(0, 9)),
    st.builds(Price, st.sampled_from(["a", "b", "c"]), st.integers()),
    st.none(),
)


@given(st.lists(messages))
def test_what_was_put_is_delivered_conflated_dropped_or_waiting(script: list[Heartbeat | Price | None]) -> None:
    mailbox = Mailbox("box", LIMITS)
    put = 0
    for message in script:
        if message is None:
            if len(mailbox):
                mailbox.get()
        else:
            mailbox.put(message)
            put += 1
        figures = mailbox.statistics()
        assert put == figures.delivered + figures.conflated + figures.dropped + figures.waiting
        assert figures.waiting <= figures.high_water <= LIMITS.capacity
