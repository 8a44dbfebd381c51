CREATE TABLE products (
    id          INTEGER      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name        VARCHAR(200) NOT NULL,
    category    VARCHAR(50)  NOT NULL,
    summary     VARCHAR(500) NOT NULL,
    description TEXT         NOT NULL,
    picture     VARCHAR(200) NOT NULL, -- the path of its picture on the site
    price_cents INTEGER      NOT NULL CHECK (price_cents >= 0),
    featured    BOOLEAN      NOT NULL,
    KEY products_by_name (name),
    KEY products_by_category (category)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE pages (
    slug       VARCHAR(100) NOT NULL PRIMARY KEY,
    title      VARCHAR(200) NOT NULL,
    summary    VARCHAR(500) NOT NULL,
    body       TEXT         NOT NULL,
    updated_on CHAR(10)     NOT NULL -- YYYY-MM-DD
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
