-- The network that a message of the last hour came from; empty afterwards, and where nobody knows it.
ALTER TABLE messages ADD COLUMN sender VARCHAR(45) NOT NULL DEFAULT '';
