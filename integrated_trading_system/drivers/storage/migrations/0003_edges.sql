-- The expected edge in all its parts, and what became of it. In rows from before, gross_edge is after slippage.
ALTER TABLE opportunities ADD COLUMN decay TEXT NOT NULL DEFAULT '0';
ALTER TABLE opportunities ADD COLUMN funding TEXT NOT NULL DEFAULT '0';
ALTER TABLE opportunities ADD COLUMN conversion TEXT NOT NULL DEFAULT '0';

CREATE TABLE edges_realised (
    plan_id TEXT NOT NULL PRIMARY KEY,
    strategy TEXT NOT NULL,
    expected TEXT NOT NULL,
    realised TEXT NOT NULL,
    fees TEXT NOT NULL,
    currency TEXT NOT NULL,
    unpriced TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
