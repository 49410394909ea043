-- Which medium an opening of an escrow is for, so that lists show it.
ALTER TABLE escrow_openings ADD COLUMN medium_id TEXT REFERENCES media (id);
CREATE INDEX escrow_openings_of_facility ON escrow_openings (facility_id, asked);
CREATE INDEX escrow_openings_ending ON escrow_openings (expires) WHERE state IN ('waiting', 'approved');
