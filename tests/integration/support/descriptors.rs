use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process, and programs that it starts from now on, have as many open files as the system allows them: a
/// test of a thousand clients needs more than the usual 1024.
pub(crate) fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}
