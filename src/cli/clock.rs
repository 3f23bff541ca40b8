//! `writ clock accept`: the wall clock is right, whatever it did.

use super::exit::CliError;
use super::output::Output;
use super::reach::Reach;
use super::table::cell;
use clap::Subcommand;
use http::Method;

#[derive(Subcommand, Debug)]
pub(super) enum ClockCommand {
    /// Take the wall clock for right after it jumped; issuing goes on
    Accept,
}

pub(super) async fn run(command: ClockCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let ClockCommand::Accept = command;
    let answer = reach.ask(Method::POST, &["clock", "accept"], None).await?;
    match output.is_table() {
        true => output.line(&format!("the clock is {}", cell(&answer, "wall"))),
        false => output.value(&answer),
    }
}
