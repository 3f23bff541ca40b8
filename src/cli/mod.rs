//! The command line, one file a subcommand (DESIGN.md §8, AUDIT.md §8.3).
//!
//! Every command but `serve` and `demo` asks the admin API: over the socket of the server that has the data directory, or in
//! process when none has it. Data goes to stdout, words go to stderr.

mod audit;
mod client;
mod clock;
mod demo;
mod exit;
mod explain;
mod introspect;
mod key_set;
mod keys;
mod log;
mod output;
mod reach;
mod replay;
mod serve;
mod settings;
mod show;
mod site;
mod state;
mod table;
mod user;

use crate::log::guarded::is_guarded;
use clap::{Args, Parser, Subcommand};
use exit::CliError;
use output::{Format, Output};
use reach::Reach;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// An authorization server for health records whose only truth is an append-only log.
#[derive(Parser, Debug)]
#[command(name = "writ", version, about, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 yes · 1 no · 2 usage · 3 integrity failure · 4 incomplete · 5 not permitted · 6 unknown id · 7 store locked or \
                        server unreachable · 8 replay differs · 9 output failed"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
struct Global {
    /// The data directory [default: ./writ-data]
    #[arg(long, env = "WRIT_DATA", global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The site
    #[arg(long, env = "WRIT_SITE", global = true, default_value = "default", value_name = "SITE")]
    site: String,
    /// How to print: a table for people, JSON, or one JSON value a line [default: table on a terminal, ndjson else]
    #[arg(short, long, global = true, value_name = "FORMAT")]
    output: Option<Format>,
    /// Show what names or locates people; the reading is recorded either way
    #[arg(long, global = true, requires = "reason")]
    identify: bool,
    /// Why you need to see it
    #[arg(long, global = true, value_name = "TEXT")]
    reason: Option<String>,
    /// Where the vault's master key is, if not in the data directory
    #[arg(long, env = "WRIT_MASTER_KEY_FILE", global = true, value_name = "FILE", hide_short_help = true)]
    master_key_file: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Run a throw-away server that tells the whole story once
    Demo(demo::DemoArgs),
    /// Make and configure sites
    #[command(subcommand)]
    Site(site::SiteCommand),
    /// Manage end-users
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manage clients
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Manage signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Read the log
    Log(log::LogArgs),
    /// Show one event, what led to it and what came of it
    Show(show::ShowArgs),
    /// Tell the story of an id: how it stands, why, and everything that happened to it
    Explain(explain::ExplainArgs),
    /// Prove what the log says to people who need not trust this server
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// What introspection would have answered about a token at a point of the history, and why
    Introspect(introspect::IntrospectArgs),
    /// The state of the site at a point of its history
    State(state::StateArgs),
    /// Fold the log once more and compare
    Replay(replay::ReplayArgs),
    /// Manage the server's clock
    #[command(subcommand)]
    Clock(clock::ClockCommand),
}

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    keep_told_panics_quiet();
    run_with(std::env::args_os())
}

/// A panic that the log catches over damaged files is told as one sentence; its trace would only hide that.
fn keep_told_panics_quiet() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_guarded() {
            report(panic);
        }
    }));
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // clap itself knows which of its messages are help and go to stdout.
            let failed = error.print().is_err();
            return ExitCode::from(if failed { 9 } else { u8::try_from(error.exit_code()).unwrap_or(2) });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::usage(format!("the program cannot start: {error}")).report(),
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

async fn dispatch(cli: Cli) -> Result<(), CliError> {
    let global = cli.global;
    if let Command::Serve(args) = cli.command {
        return serve::run(&global, args).await;
    }
    if let Command::Demo(args) = cli.command {
        return demo::run(&global, args).await;
    }
    output::trace_words("writ=warn,error");
    let mut output = Output::new(global.output);
    if let Command::Audit(audit::AuditCommand::Verify(args)) = &cli.command
        && let Some(done) = audit::without_server(args, &mut output).await
    {
        return done;
    }
    let may_create = matches!(&cli.command, Command::Site(site::SiteCommand::Add(_)));
    let reach = Reach::open(&global, may_create).await?;
    let done = match cli.command {
        Command::Serve(_) | Command::Demo(_) => Ok(()),
        Command::Site(command) => site::run(command, &reach, &mut output).await,
        Command::User(command) => user::run(command, &reach, &mut output).await,
        Command::Client(command) => client::run(command, &reach, &mut output).await,
        Command::Keys(command) => keys::run(command, &reach, &mut output).await,
        Command::Log(args) => log::run(args, &reach, &mut output).await,
        Command::Show(args) => show::run(args, &reach, &mut output).await,
        Command::Explain(args) => explain::run(args, &reach, &mut output).await,
        Command::Audit(command) => audit::run(command, &reach, &mut output).await,
        Command::Introspect(args) => introspect::run(args, &reach, &mut output).await,
        Command::State(args) => state::run(args, &reach, &mut output).await,
        Command::Replay(args) => replay::run(args, &reach, &mut output).await,
        Command::Clock(command) => clock::run(command, &reach, &mut output).await,
    };
    reach.close().await;
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Kind;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    /// An id is 43 characters of base64url, so one of 64 begins so.
    #[test]
    fn a_client_may_have_an_id_that_begins_with_a_hyphen() {
        let id = format!("-{}", "x".repeat(42));
        for line in [
            format!("writ client approve {id}"),
            format!("writ client show {id}"),
            format!("writ explain client {id}"),
            format!("writ log --client {id}"),
            format!("writ user withdraw jane --client {id}"),
            format!("writ introspect tok_a --as-client {id}"),
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_story_advises_only_what_the_command_line_takes() {
        for option in Kind::ALL.iter().filter_map(|kind| kind.log_option()) {
            assert!(Cli::try_parse_from(["writ", "log", &format!("--{option}"), "x"]).is_ok(), "{option}");
        }
    }

    #[test]
    fn nobody_is_identified_without_a_reason() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("writ log --identify").is_err());
        assert!(parse("writ log --identify --reason audit").is_ok());
        assert!(parse("writ --identify --reason audit log").is_ok());
    }

    #[test]
    fn no_command_deletes_or_rewrites_an_event() {
        let mut words = Vec::new();
        fn collect(command: &clap::Command, words: &mut Vec<String>) {
            for sub in command.get_subcommands() {
                words.push(format!("{} {}", command.get_name(), sub.get_name()));
                collect(sub, words);
            }
        }
        collect(&Cli::command(), &mut words);
        let deleting: Vec<&String> = words
            .iter()
            .filter(|word| ["delete", "erase", "retire", "purge", "prune", "truncate"].iter().any(|bad| word.ends_with(bad)))
            .collect();
        assert_eq!(deleting, ["user erase", "client delete", "keys retire"]);
    }
}
