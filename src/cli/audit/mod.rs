//! `writ audit`: what can be shown to people who need not trust this server.

mod checkpoint;
mod prove;

use super::exit::CliError;
use super::output::Output;
use super::reach::Reach;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub(super) enum AuditCommand {
    /// Prove that an event is in the log: a C2SP tlog-proof, checkable offline
    Prove(prove::ProveArgs),
    /// Sign what the log has come to: a C2SP checkpoint
    Checkpoint(checkpoint::CheckpointArgs),
}

pub(super) async fn run(command: AuditCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    match command {
        AuditCommand::Prove(args) => prove::run(args, reach, output).await,
        AuditCommand::Checkpoint(args) => checkpoint::run(args, reach, output).await,
    }
}
