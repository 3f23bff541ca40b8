//! `cargo tool …`: programs that try a running Writ. Each stops by itself and prints a figure as its last line.

mod control;
mod crowd;
mod flip;
mod flows;
mod fsync;
mod grow;
mod history;
mod load;
mod mutate;
mod powercut;
mod record;
mod rotate;
mod torture;
mod victim;

use clap::{Parser, Subcommand};
use std::fmt::Display;
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
    /// Measures throughput, latency, CPU and memory of `writ serve`, against control servers in the same run.
    Load(load::Load),
    /// Makes a log of so many events, for later measurements.
    Grow(grow::Grow),
    /// Changes exported bundles and compares what the two verifiers say of each.
    Mutate(mutate::Mutate),
    /// Is a control server: the least that any server must do. `load` starts these.
    Control(control::Control),
    /// Rotates signing keys while clients refresh, introspect and verify.
    Rotate(rotate::Rotate),
    /// Kills a server under load and while it starts, and asks what it still knows.
    Torture(torture::Torture),
    /// Takes the power from under a server, and asks what it still knows.
    Powercut(powercut::Powercut),
    /// Damages copies of a data directory, one thing at a time, and looks what the server makes of them.
    Flip(flip::Flip),
    /// Lets each sync of a server fail in turn, and looks how it ends and what the next one knows.
    Fsync(fsync::Fsync),
}

fn main() -> ExitCode {
    match Tool::parse().which {
        Which::Flows(flows) => finish(flows::run(&flows), flows::Figures::is_flawless),
        Which::Load(load) => finish(load::run(&load), load::Report::is_flawless),
        Which::Grow(grow) => finish(grow::run(&grow), grow::Grown::is_flawless),
        Which::Mutate(mutate) => finish(mutate::run(&mutate), mutate::Figures::is_flawless),
        Which::Control(control) => control::run(&control).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS),
        Which::Rotate(rotate) => finish(rotate::run(&rotate), rotate::Figures::is_flawless),
        Which::Torture(torture) => finish(torture::run(&torture), torture::Figures::is_flawless),
        Which::Fsync(fsync) => finish(fsync::run(&fsync), fsync::Figures::is_flawless),
        Which::Flip(flip) => finish(flip::run(&flip), flip::Figures::is_flawless),
        Which::Powercut(powercut) => finish(powercut::run(&powercut), powercut::Figures::is_flawless),
    }
}

/// Tells the figures, which are a success if they are what they should be.
#[expect(clippy::print_stdout, reason = "a tool tells its figure on stdout")]
fn finish<T: Display, E: Display>(outcome: Result<T, E>, is_flawless: impl Fn(&T) -> bool) -> ExitCode {
    match outcome {
        Ok(figures) => {
            println!("{figures}");
            if is_flawless(&figures) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a tool tells on stderr why there is no figure")]
fn failed(error: &impl Display) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
