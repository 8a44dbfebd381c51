//! The program of benches/db that is written by hand, on Diesel's own connection, which is MariaDB's C client.

#[path = "../../by_hand.rs"]
mod by_hand;
#[path = "../../../servers/src/fields.rs"]
mod fields;
#[path = "../../products.rs"]
mod products;

pub use diesel::MysqlConnection as Conn;

fn main() -> std::io::Result<()> {
    by_hand::serve()
}
