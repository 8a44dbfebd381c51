//! The program of benches/db that is written by hand, on Foobar's connection to MySQL, which has no C library.

#[path = "../../../db/by_hand.rs"]
mod by_hand;
#[path = "../fields.rs"]
mod fields;
#[path = "../../../db/products.rs"]
mod products;

pub use foobar::MysqlConnection as Conn;

fn main() -> std::io::Result<()> {
    by_hand::serve()
}
