CREATE TABLE products (
    id          INTEGER PRIMARY KEY NOT NULL,
    name        TEXT    NOT NULL COLLATE NOCASE,
    category    TEXT    NOT NULL COLLATE NOCASE,
    summary     TEXT    NOT NULL,
    description TEXT    NOT NULL,
    picture     TEXT    NOT NULL, -- the path of its picture on the site
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    featured    BOOLEAN NOT NULL
);

CREATE INDEX products_by_name ON products (name);
CREATE INDEX products_by_category ON products (category);

CREATE TABLE pages (
    slug       TEXT PRIMARY KEY NOT NULL,
    title      TEXT NOT NULL,
    summary    TEXT NOT NULL,
    body       TEXT NOT NULL,
    updated_on TEXT NOT NULL -- YYYY-MM-DD
);
