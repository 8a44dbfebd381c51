INSERT INTO notes VALUES (1, 'one');
INSERT INTO notes VALUES (2, 'two');
