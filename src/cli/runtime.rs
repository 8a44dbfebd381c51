use foobar_core::BoxError;

/// The runtime of the control plane: one thread, since requests run on the workers' own.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs a short command.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    runtime()?.block_on(work)
}
