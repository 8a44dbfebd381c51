DROP INDEX notes_likes;
ALTER TABLE notes DROP COLUMN likes;
