pub(super) mod compression;
pub(super) mod frames;
pub(super) mod messages;
pub(super) mod starting;
pub(super) mod streams;
