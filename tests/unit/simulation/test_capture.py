"""Captures that others recorded are read line by line; what is garbled is counted and left out."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Kind as InstrumentKind
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.capture import Kind, Line, Problems, read_lines
from integrated_trading_system.simulation.inference import infer_instruments


def read(*lines: bytes) -> tuple[list[Line], Problems]:
    problems = Problems("file")
    return list(read_lines(lines, problems)), problems


def test_a_stamped_line_is_a_frame_at_its_nanosecond() -> None:
    lines, _ = read(b'1723161255088169167 {"stream":"x","data":{}}\n')
    assert lines == [Line(Nanos(1723161255088169167), Kind.FRAME, "", b'{"stream":"x","data":{}}')]


def test_a_stamped_line_without_a_stream_is_the_answer_to_a_snapshot() -> None:
    lines, _ = read(b'1723161255088169167 {"lastUpdateId":5,"bids":[],"asks":[]}\n')
    assert lines[0].kind is Kind.ANSWER


def test_a_transcript_tells_connections_frames_and_answers_apart() -> None:
    lines, problems = read(
        b"wss://stream.example/ws <-> 1633998511.159679",
        b'wss://stream.example/ws <- 1633998511.2: {"op":"subscribe"}',
        b'1633998512.0633569: {"a":1}',
        b'https://api.example/depth?symbol=X -> 1633998512.320639: {"lastUpdateId":1}',
        b'configuration: {"trades":["X"]}',
    )
    assert [line.kind for line in lines] == [Kind.CONNECTED, Kind.SENT, Kind.FRAME, Kind.ANSWER]
    assert lines[2].at == 1633998512_063356900
    assert lines[3].url == "https://api.example/depth?symbol=X"
    assert problems.count == 0


def test_frames_written_as_python_bytes_are_unquoted() -> None:
    lines, _ = read(b"""1652459225.5: b'{"a":"it\\'s"}'""")
    assert lines[0].payload == b"""{"a":"it's"}"""


def test_a_truncated_line_is_counted_with_its_number_and_the_rest_is_read() -> None:
    lines, problems = read(
        b'1723161255088169167 {"a":1}', b'1723161255088169168 {"a":', b"rubbish", b'1723161255088169169 {"a":2}'
    )
    assert len(lines) == 2
    assert problems.count == 2
    assert problems.kept[0] == "file:2: truncated or garbled message"
    assert problems.kept[1].startswith("file:3: not a line of a capture")


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_read_or_counted(lines: list[bytes]) -> None:
    found, problems = read(*lines)
    read_or_blank = [line for line in lines if line.rstrip(b"\r\n") and not line.startswith(b"configuration: ")]
    assert len(found) + problems.count == len(read_or_blank)


def test_tick_and_lot_are_inferred_from_the_finest_digits_seen() -> None:
    frames = [
        b'{"stream":"btcusdt@bookTicker","data":{"s":"BTCUSDT","b":"61837.63000000","B":"3.70000000","a":"61838.0","A":"1.0"}}',
        b'{"stream":"btcusdt@depth","data":{"s":"BTCUSDT","b":[["61837.60000000","0.00015000"]],"a":[]}}',
        b"not json",
    ]
    (found,) = infer_instruments(VenueId("binance:spot"), frames)
    assert (found.symbol, found.base, found.quote) == ("BTCUSDT", "BTC", "USDT")
    assert (found.tick, found.lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert found.inferred


def test_a_coin_margined_contract_is_inferred_as_inverse() -> None:
    frame = b'{"data":{"s":"BTCUSD_PERP","b":"61000.1","B":"5","a":"61000.2","A":"3"}}'
    (found,) = infer_instruments(VenueId("binance:coinm"), [frame])
    assert (found.kind, found.settle, found.multiplier) == (InstrumentKind.INVERSE, "BTC", Decimal(100))


def test_a_contract_of_bybit_that_is_quoted_in_dollars_is_inferred_as_inverse_and_worth_one_of_them() -> None:
    frames = [
        b'{"topic":"orderbook.50.BTCUSD","data":{"s":"BTCUSD","b":[["61000.5","5"]],"a":[]}}',
        b'{"topic":"orderbook.50.BTCUSDT","data":{"s":"BTCUSDT","b":[["61000.5","0.005"]],"a":[]}}',
    ]
    inverse, linear = infer_instruments(VenueId("bybit:linear"), frames)
    assert (inverse.kind, inverse.settle, inverse.multiplier) == (InstrumentKind.INVERSE, "BTC", Decimal(1))
    assert (linear.kind, linear.settle, linear.multiplier) == (InstrumentKind.LINEAR, "USDT", Decimal(1))


def test_okx_names_its_symbols_in_the_argument_that_was_subscribed_to() -> None:
    frames = [
        b'{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"px":"61837.5","sz":"0.03"}]}',
        b'{"arg":{"channel":"books","instId":"BTC-USD-SWAP"},"data":[{"bids":[["61837.1","7","0","1"]],"asks":[]}]}',
        b'{"event":"subscribe","arg":{"channel":"books","instId":"ETH-USDT"}}',
        b'{"arg":{"channel":"account"},"data":[{}]}',
    ]
    linear, inverse = infer_instruments(VenueId("okx:swap"), frames)
    assert (linear.symbol, linear.kind, linear.settle) == ("BTC-USDT-SWAP", InstrumentKind.LINEAR, "USDT")
    assert (linear.tick, linear.lot) == (Decimal("0.1"), Decimal("0.01"))
    assert (inverse.symbol, inverse.kind, inverse.settle) == ("BTC-USD-SWAP", InstrumentKind.INVERSE, "BTC")
