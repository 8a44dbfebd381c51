DROP TABLE pages;
DROP TABLE products;
