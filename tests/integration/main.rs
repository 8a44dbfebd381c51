//! Every test that needs a running server: the real programs, on ports that the system chose, spoken to over
//! sockets. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "where a test fails, the panic is its report")]

#[cfg(feature = "accounts")]
mod accounts; // a second factor and tokens, over sockets
mod architecture; // the arrows between crates, the dependency policy, the shape of the sources
mod bad_input; // what each bad input gets
mod book; // the guide: its blocks and links
mod browser; // the example site in Chromium
mod certificates; // certificates that the server gets by itself
mod clock; // the clock that tests/stress sets
mod command_line; // serve, check, config, migrate, routes; signals and exit codes
mod commands; // what the commands say of the application and its database
mod compiler_messages; // what the compiler says of a newcomer's mistakes
mod configuration; // keys, the reference, the example file
mod control; // the commands that give orders to a server that runs
mod deployment; // systemd and nginx take what the guide gives them
mod descriptors; // few descriptors, and a log that is moved away
#[cfg(feature = "dns")]
mod dns; // the names of the sites
mod dockerfiles; // what containers are made of
mod doctor; // what `doctor` says of everything around a program
mod durability; // no acknowledged write is lost
mod embedding; // servers inside a caller's own program
mod examples; // hello, axum, embed
mod faults; // what faults of the database, the network and the disk do to a site under load
mod generated; // the packages that `foobar new` makes, built and asked
mod http2; // HTTP/2 as frames
mod in_process; // foobar::test::site
mod log; // what repeats is counted
mod metrics; // the figures, in the format of Prometheus
mod migrate_check; // what of migrations the program that runs may not bear
mod mysql_tls; // a database over TLS, in a program with two providers of cryptography
mod new; // `foobar new` and bad input
mod pause; // requests that are held, a page for maintenance
mod public_files; // public, asset and send_file
mod reload; // another configuration while the server serves
mod sessions; // what a visitor is remembered by, and who sends a request
mod settings; // settings of a program of its own
mod site; // www.foobar.com on SQLite and on MariaDB
mod start; // what a start recovers from, and how it ends where it does not
mod statements; // what is seen of slow statements, and the comments that name requests
mod static_changing; // a large file that changes while it is sent
mod static_differential; // the same requests to Foobar and to nginx
mod static_hostile_paths; // paths, redirects and pages that would show what is not theirs
mod static_hostile_ranges; // ranges that ask for more than there is
mod static_memory; // clients that do not read what they asked for
mod static_mounts; // mounts that are made and taken away under a server
mod static_race; // files and links that change at full speed while they are read
mod static_system_calls; // what an answer from the cache asks of the system
mod streams; // streams without an end, clients that go, and the stop
mod support;
mod tls;
mod upgrade; // a new program in the place of the one that serves
mod websocket; // an actix-ws handler over the upgraded connection
