//! `cargo tool …`: programs that try a running Writ. Each stops by itself and prints a figure as its last line.

mod flows;

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
}

fn main() -> ExitCode {
    match Tool::parse().which {
        Which::Flows(flows) => finish(flows::run(&flows)),
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool tells its figure on stdout and why there is none on stderr")]
fn finish(outcome: Result<flows::Figures, flows::FlowError>) -> ExitCode {
    match outcome {
        Ok(figures) => {
            println!("{figures}");
            if figures.is_flawless() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
