//! The number of a new row whose key is a text, where `insert_returning_id` asks for the type of the key.
//~ the primary key is no integer, so that no database gives it a number
use foobar::diesel::sql_types::Text;
use foobar::query::IdColumn;

fn number_of<K: IdColumn>() {}

fn main() {
    number_of::<Text>();
}
