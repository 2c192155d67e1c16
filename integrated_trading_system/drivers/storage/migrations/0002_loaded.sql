-- Candles know where they come from; mark prices, funding, and what was loaded of the past.
ALTER TABLE kline_data ADD COLUMN quote_volume REAL NOT NULL DEFAULT 0;
ALTER TABLE kline_data ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE kline_data ADD COLUMN complete INTEGER NOT NULL DEFAULT 1;

CREATE TABLE mark_kline_data (
    instrument TEXT NOT NULL,
    interval TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    open REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    close REAL NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (instrument, interval, opened_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE mark_prices (
    instrument TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    mark_price REAL NOT NULL,
    index_price REAL NOT NULL,
    PRIMARY KEY (instrument, received_at)
) STRICT, WITHOUT ROWID;

-- paid: 0 for a rate that was only expected when it was told.
CREATE TABLE funding_rates (
    instrument TEXT NOT NULL,
    funding_at INTEGER NOT NULL,
    rate REAL NOT NULL,
    paid INTEGER NOT NULL,
    PRIMARY KEY (instrument, funding_at)
) STRICT, WITHOUT ROWID;

-- Of this time everything was told that the venue has; a time without trading has no candles. The end is not part of it.
CREATE TABLE history_loaded (
    instrument TEXT NOT NULL,
    kind TEXT NOT NULL,
    interval TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    simulated INTEGER NOT NULL,
    PRIMARY KEY (instrument, kind, interval, simulated, since)
) STRICT, WITHOUT ROWID;
