-- What counts as received: the receiver's own end of TLS, or (weaker: who is on the way could feign it) any orderly end of the
-- connection, for receivers such as rsyslog that have no other.
ALTER TABLE export_targets ADD COLUMN confirmation TEXT NOT NULL DEFAULT 'close-notify'
	CHECK (confirmation IN ('close-notify', 'end-of-connection'));
