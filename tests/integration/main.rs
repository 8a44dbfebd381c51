//! Every test that needs a running server: the real programs, on ports that the system chose, spoken to over
//! sockets. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "where a test fails, the panic is its report")]

mod architecture; // the arrows between crates, the dependency policy, the shape of the sources
mod bad_input; // what each bad input gets
mod command_line; // serve, check, config, migrate, routes; signals and exit codes
mod configuration; // keys, the reference, the example file
mod durability; // no acknowledged write is lost
mod embedding; // servers inside a caller's own program
mod examples; // hello, axum, embed
mod site; // www.foobar.com on SQLite and on MariaDB
mod support;
mod websocket; // an actix-ws handler over the upgraded connection
