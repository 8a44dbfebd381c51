<?php
// The program of benches/db, in PHP. The connection is kept by the child that answers.

declare(strict_types=1);

$db = new PDO($_SERVER['DATABASE'], 'root', '', [PDO::ATTR_PERSISTENT => true]);
[, $what, $number] = explode('/', $_SERVER['REQUEST_URI']);

function run(string $statement, int ...$values): PDOStatement
{
    $query = $GLOBALS['db']->prepare($statement);
    foreach ($values as $place => $value) {
        $query->bindValue($place + 1, $value, PDO::PARAM_INT);
    }
    $query->execute();
    return $query;
}

function one(int $id): void
{
    $select = 'SELECT id, name, category, summary, price_cents FROM products WHERE id = ? LIMIT 1';
    $product = run($select, $id)->fetch(PDO::FETCH_ASSOC);
    header('Content-Type: application/json');
    echo json_encode($product, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
}

function page(int $after): void
{
    $select = 'SELECT id, name, category, summary, price_cents FROM products WHERE id > ? ORDER BY id LIMIT 20';
    header('Content-Type: text/html; charset=utf-8');
    echo "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Products</title></head><body><table>\n";
    foreach (run($select, $after)->fetchAll(PDO::FETCH_ASSOC) as $product) {
        $price = sprintf('%d.%02d', intdiv($product['price_cents'], 100), $product['price_cents'] % 100);
        echo '<tr><td>', $product['id'], '</td><td>', htmlspecialchars($product['name']), '</td><td>',
            htmlspecialchars($product['category']), '</td><td>', htmlspecialchars($product['summary']), '</td><td>',
            $price, "</td></tr>\n";
    }
    echo "</table></body></html>\n";
}

function sell(PDO $db, int $id): void
{
    $db->beginTransaction();
    $pieces = run('SELECT pieces FROM stock WHERE id = ? FOR UPDATE', $id)->fetchColumn() - 1;
    run('UPDATE stock SET pieces = ? WHERE id = ?', $pieces, $id);
    $db->commit();
    header('Content-Type: text/plain; charset=utf-8');
    echo $pieces, " left\n";
}

match ("{$_SERVER['REQUEST_METHOD']} $what") {
    'GET products' => one((int) $number),
    'GET pages' => page((int) $number),
    'POST stock' => sell($db, (int) $number),
};
