DROP TABLE begun;
