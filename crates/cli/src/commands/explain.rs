use crate::context::Context;
use crate::ending::Ending;
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    code: String,
}
pub(crate) fn run(_args: &Args, _context: &Context) -> anyhow::Result<Ending> {
    Ok(Ending::Fine)
}
