//! HTTP/2 as frames: what RFC 9113 and RFC 7541 say, attacks, drains, and that it answers as HTTP/1 does.

mod case;
mod cases;
mod conversations; // what takes more than one turn
mod differential; // the same requests over HTTP/1, TLS and HTTP/2
mod drain;
mod exceptions;
mod floods;
mod reloads;
pub(crate) mod server;

use server::Server;

#[test]
fn connections_begin_and_frames_are_framed_as_rfc_9113_says() {
    case::try_all(&Server::start(), cases::starting::CASES);
}

#[test]
fn streams_have_the_states_that_rfc_9113_says() {
    case::try_all(&Server::start(), cases::streams::CASES);
}

#[test]
fn each_type_of_frame_means_what_rfc_9113_says() {
    case::try_all(&Server::start(), cases::frames::CASES);
}

#[test]
fn requests_are_malformed_where_rfc_9113_says_so() {
    case::try_all(&Server::start(), cases::messages::CASES);
}

#[test]
fn header_blocks_are_read_as_rfc_7541_says() {
    case::try_all(&Server::start(), cases::compression::CASES);
}
