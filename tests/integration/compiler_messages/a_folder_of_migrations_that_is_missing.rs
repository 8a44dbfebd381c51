//! A folder of migrations that is not there, beside the `Cargo.toml` of the package.
//~ Failed to receive migrations dir from Some("nowhere")

use foobar::{Migrations, embed_migrations};

fn main() {
    let _migrations = Migrations::new(embed_migrations!("nowhere"));
}
