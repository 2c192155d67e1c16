-- Market data. Prices and sizes of public data are REAL, as in the feed; times are nanoseconds since the epoch.
CREATE TABLE symbol_info (
    instrument TEXT NOT NULL PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    settle TEXT NOT NULL,
    kind TEXT NOT NULL,
    tick TEXT NOT NULL,
    lot TEXT NOT NULL,
    quantity_min TEXT NOT NULL,
    notional_min TEXT NOT NULL,
    multiplier TEXT NOT NULL,
    tradable INTEGER NOT NULL,
    inferred INTEGER NOT NULL
) STRICT;

CREATE TABLE trade_data (
    instrument TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    price REAL NOT NULL,
    quantity REAL NOT NULL,
    side TEXT NOT NULL,
    venue_time INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (instrument, trade_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX trade_data_by_time ON trade_data (instrument, received_at);

CREATE TABLE orderbook_snapshots (
    instrument TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    bids TEXT NOT NULL,
    asks TEXT NOT NULL,
    PRIMARY KEY (instrument, received_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE kline_data (
    instrument TEXT NOT NULL,
    interval TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    open REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    close REAL NOT NULL,
    volume REAL NOT NULL,
    trades INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (instrument, interval, opened_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE market_metrics (
    instrument TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    last_price REAL NOT NULL,
    volume REAL NOT NULL,
    quote_volume REAL NOT NULL,
    change_pct REAL NOT NULL,
    PRIMARY KEY (instrument, received_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE indicator_values (
    instrument TEXT NOT NULL,
    interval TEXT NOT NULL,
    indicator TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (instrument, interval, indicator, opened_at)
) STRICT, WITHOUT ROWID;

-- Ours. Money is TEXT: exact decimals.
CREATE TABLE orders (
    client_order_id TEXT NOT NULL PRIMARY KEY,
    venue_order_id TEXT,
    instrument TEXT NOT NULL,
    account TEXT NOT NULL,
    strategy TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    leg INTEGER NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    filled TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE fills (
    instrument TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    account TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_asset TEXT NOT NULL,
    liquidity TEXT NOT NULL,
    venue_time INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (instrument, trade_id)
) STRICT;

CREATE TABLE opportunities (
    plan_id TEXT NOT NULL PRIMARY KEY,
    strategy TEXT NOT NULL,
    comparison TEXT NOT NULL,
    buy TEXT NOT NULL,
    sell TEXT NOT NULL,
    quantity TEXT NOT NULL,
    buy_price TEXT NOT NULL,
    sell_price TEXT NOT NULL,
    gross_edge TEXT NOT NULL,
    fees TEXT NOT NULL,
    slippage TEXT NOT NULL,
    edge TEXT NOT NULL,
    edge_bps REAL NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE equity (
    at INTEGER NOT NULL PRIMARY KEY,
    currency TEXT NOT NULL,
    realised TEXT NOT NULL,
    unrealised TEXT NOT NULL,
    fees TEXT NOT NULL,
    total TEXT NOT NULL
) STRICT;
