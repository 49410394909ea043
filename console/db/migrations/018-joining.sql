-- What an instance that joins gets beside the vault (console/server/home_copy.h), sealed as that is; and when it was let
-- in: NULL, it asks.
ALTER TABLE vault_joins ADD COLUMN home BYTEA;
ALTER TABLE instances ADD COLUMN joined BIGINT;
UPDATE instances SET joined = started;
