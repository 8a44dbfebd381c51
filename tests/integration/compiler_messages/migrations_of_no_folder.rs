//! Migrations without the folder that they are in.
//~ `embed_migrations!` needs the folder of the migrations
//~ `embed_migrations!("migrations/sqlite")`
use foobar::{Migrations, embed_migrations};

fn main() {
    let _migrations = Migrations::new(embed_migrations!());
}
