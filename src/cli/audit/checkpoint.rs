//! `writ audit checkpoint`: the signed tree head, the key it is verified with, and that it continues an earlier one.

use super::super::exit::CliError;
use super::super::output::Output;
use super::super::reach::Reach;
use super::super::table::cell;
use clap::Args;
use http::Method;

#[derive(Args, Debug)]
pub(in super::super) struct CheckpointArgs {
    /// Print the key (a vkey) that the site's checkpoints are verified with, instead
    #[arg(long, conflicts_with = "since")]
    vkey: bool,
    /// Prove besides that the log continues the one of so many events, as a witness takes it (C2SP tlog-witness)
    #[arg(long, value_name = "EVENTS")]
    since: Option<u64>,
}

pub(super) async fn run(args: CheckpointArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    if args.vkey {
        let site = reach.ask(Method::GET, &["sites", &reach.site], None).await?;
        return output.write(format!("{}\n", cell(&site, "checkpoint_key")).as_bytes());
    }
    let note = reach.text(Method::POST, &["checkpoint"], &[]).await?;
    let text = match args.since {
        None => note,
        Some(old) => reach.text(Method::GET, &["consistency"], &[("old", &old.to_string())]).await?,
    };
    output.write(text.as_bytes())
}
