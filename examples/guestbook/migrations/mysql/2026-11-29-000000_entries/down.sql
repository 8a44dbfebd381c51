DROP TABLE pictures;
DROP TABLE entries;
