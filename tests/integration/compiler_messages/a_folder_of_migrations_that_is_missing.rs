//! A folder of migrations that is not there, beside the `Cargo.toml` of the package.
//~ no migrations in `nowhere`, looked for at
//~ /nowhere: there is no such folder. The folder is relative to the `Cargo.toml` of the package
//~ `foobar migrate new NAME`

use foobar::{Migrations, embed_migrations};

fn main() {
    let _migrations = Migrations::new(embed_migrations!("nowhere"));
}
