-- key_kind is where the key is with which a terminal signs in; that to which leases are sealed is another one.
ALTER TABLE terminals ADD COLUMN seal_kind TEXT NOT NULL DEFAULT 'file' CHECK (seal_kind IN ('tpm', 'file'));
UPDATE terminals SET seal_kind = key_kind;
