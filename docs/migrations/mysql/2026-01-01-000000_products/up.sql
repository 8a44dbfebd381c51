CREATE TABLE products (
    id    INTEGER      NOT NULL PRIMARY KEY AUTO_INCREMENT,
    name  VARCHAR(200) NOT NULL,
    cents INTEGER      NOT NULL
);

INSERT INTO products (name, cents) VALUES ('Enamel mug', 1450), ('Oak chopping board', 3900);
