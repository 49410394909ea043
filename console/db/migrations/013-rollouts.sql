-- A roll-out that stopped by itself may be let go on: what stopped it does not count again.
ALTER TABLE rollouts ADD COLUMN judged_since BIGINT;
