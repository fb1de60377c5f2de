//! `watch`: status, again and again, until nothing runs any more.

use std::time::Duration;

use crate::connection::Base;
use crate::context::Context;
use crate::ending::Ending;
use crate::progress::Progress;
use crate::signals::asked_to_stop;

use super::status::{look, read_status};

/// Watch the engine that runs; ends when it has nothing left to do (Ctrl-C ends the watching, not the engine)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seconds between two looks
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    every: u64,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let base = Base::existing(&settings).await?;
    let progress = Progress::new("watch");
    let asked = asked_to_stop();
    tokio::pin!(asked);
    loop {
        let runs = base.at_work(&settings).await?.is_some();
        let status = read_status(&*base.store).await?;
        let under_way: Vec<String> =
            status.under_way.iter().map(|(doing, rows)| format!("{rows} {doing}")).collect();
        let about = format!("{}; {} users moved", under_way.join(", "), status.users_moved);
        progress.show(status.verdicts.all(), status.rows as u64, &about);
        if !runs {
            break;
        }
        tokio::select! {
            biased;
            asked = &mut asked => {
                asked?;
                break;
            }
            () = tokio::time::sleep(Duration::from_secs(args.every.max(1))) => {}
        }
    }
    progress.finish();
    let status = look(&base, &settings).await?;
    context.output.show(&status, || status.text())?;
    Ok(Ending::Fine)
}
