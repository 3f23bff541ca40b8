//! `cargo tool …`: programs that try a running Writ. Each stops by itself and prints a figure as its last line.

mod crowd;
mod flows;
mod history;
mod powercut;
mod record;
mod torture;
mod victim;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo tool", about = "Programs that try a running Writ", version)]
struct Tool {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// Lets clients run the code flow, refresh and introspect, against a server on this machine.
    Flows(flows::Flows),
    /// Kills a server under load and while it starts, and asks what it still knows.
    Torture(torture::Torture),
    /// Takes the power from under a server, and asks what it still knows.
    Powercut(powercut::Powercut),
}

fn main() -> ExitCode {
    match Tool::parse().which {
        Which::Flows(flows) => finish(flows::run(&flows).map(|figures| (figures.to_string(), figures.is_flawless()))),
        Which::Powercut(powercut) => finish(powercut::run(&powercut).map(|figures| (figures.to_string(), figures.is_flawless()))),
        Which::Torture(torture) => finish(torture::run(&torture).map(|figures| (figures.to_string(), figures.is_flawless()))),
    }
}

/// The figure, and whether it is as it should be; or a sentence.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool tells its figure on stdout and why there is none on stderr")]
fn finish<E: std::fmt::Display>(outcome: Result<(String, bool), E>) -> ExitCode {
    match outcome {
        Ok((figures, is_flawless)) => {
            println!("{figures}");
            if is_flawless { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
