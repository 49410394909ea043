-- What a maintenance visit was granted ends with it.
ALTER TABLE grants ADD COLUMN visit_id TEXT REFERENCES visits (id);
