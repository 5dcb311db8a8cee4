//! `make run`.
pub(crate) async fn run() -> std::io::Result<()> {
    Ok(())
}
