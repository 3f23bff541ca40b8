//! `writ audit`: what can be shown to people who need not trust this server.

mod checkpoint;
mod export;
mod prove;
mod verdict;
mod verify;

pub(super) use verify::without_server;

use super::exit::CliError;
use super::output::Output;
use super::reach::Reach;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub(super) enum AuditCommand {
    /// Prove that an event is in the log: a C2SP tlog-proof, checkable offline
    Prove(prove::ProveArgs),
    /// Hand out a part of the log as a bundle that anyone can check offline
    Export(export::ExportArgs),
    /// Check a bundle, a data directory, or the log of a running server
    Verify(verify::VerifyArgs),
    /// Sign what the log has come to: a C2SP checkpoint
    Checkpoint(checkpoint::CheckpointArgs),
}

pub(super) async fn run(command: AuditCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    match command {
        AuditCommand::Prove(args) => prove::run(args, reach, output).await,
        AuditCommand::Export(args) => export::run(args, reach, output).await,
        AuditCommand::Verify(args) => verify::live(args, reach, output).await,
        AuditCommand::Checkpoint(args) => checkpoint::run(args, reach, output).await,
    }
}

/// Exports the log of a site and checks the bundle, telling people of it.
pub(super) async fn show(reach: &Reach, output: &mut Output, purpose: &str) -> Result<(), CliError> {
    verify::at_hand(&export::whole(reach, purpose).await?, output)
}
