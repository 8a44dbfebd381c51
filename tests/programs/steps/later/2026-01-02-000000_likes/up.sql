ALTER TABLE notes ADD COLUMN likes INTEGER;
CREATE INDEX notes_likes ON notes (likes);
