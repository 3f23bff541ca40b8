//! `writ audit verify`: a bundle, a data directory, or the log of a running server. The first two need no server and change nothing.

use super::super::exit::CliError;
use super::super::output::Output;
use super::super::reach::Reach;
use super::verdict::{KeyOrigin, Outcome};
use crate::audit::verify::{DirectoryUnreadable, Trust, bundle, directory};
use crate::http::admin::AdminAnswer;
use crate::log::VerifierKey;
use bytes::Bytes;
use clap::Args;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use tokio::sync::mpsc;

#[derive(Args, Clone, Debug)]
pub(in super::super) struct VerifyArgs {
    /// A bundle (- is stdin), a data directory that no server has, or the word live
    #[arg(value_name = "BUNDLE|DIR|live", default_value = "live")]
    what: String,
    /// The key to trust, which must be that of a log that is checked: a vkey, or a file that holds one [default: the one that comes with what is checked]
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
    /// An earlier signed checkpoint that the log has to continue (repeatable)
    #[arg(long, value_name = "FILE")]
    since: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is checked against, read.
struct Against {
    keys: Vec<VerifierKey>,
    earlier: Vec<String>,
}

impl Against {
    fn read(args: &VerifyArgs) -> Result<Self, CliError> {
        let file = |path: &String| {
            std::fs::read_to_string(path).map_err(|error| CliError::usage(format!("the checkpoint {path} cannot be read: {error}")))
        };
        let key = |given: &String| {
            let text = std::fs::read_to_string(given).unwrap_or_else(|_| given.clone());
            text.parse().map_err(|_| CliError::usage(format!("'{given}' is neither a vkey nor a file that holds one")))
        };
        let keys = args.key.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self { keys, earlier: args.since.iter().map(file).collect::<Result<_, _>>()? })
    }
    fn trust(&self) -> Trust {
        if self.keys.is_empty() { Trust::OnFirstUse } else { Trust::Keys(self.keys.clone()) }
    }
}

/// Checks what needs no server; nothing if the log of one is meant.
pub(in super::super) async fn without_server(args: &VerifyArgs, output: &mut Output) -> Option<Result<(), CliError>> {
    if args.what == "live" {
        return None;
    }
    let (work, is_table) = (args.clone(), output.is_table() && !args.json);
    let checked = tokio::task::spawn_blocking(move || check(&work)).await;
    let checked = checked.map_err(|error| CliError::integrity(format!("the check broke off: {error}"))).and_then(|checked| checked);
    Some(checked.and_then(|outcome| outcome.tell(output, is_table)))
}

fn check(args: &VerifyArgs) -> Result<Outcome, CliError> {
    let against = Against::read(args)?;
    let path = Path::new(&args.what);
    if path.is_dir() {
        let checked = directory(path, &against.keys, &against.earlier).map_err(unreadable)?;
        return Ok(Outcome::Directory(checked, against.earlier.len()));
    }
    let input: Box<dyn Read> = match args.what.as_str() {
        "-" => Box::new(io::stdin()),
        name => Box::new(File::open(name).map_err(|error| CliError::usage(format!("{name} cannot be read: {error}")))?),
    };
    let origin = if against.keys.is_empty() { KeyOrigin::Bundle } else { KeyOrigin::Given };
    let checked = bundle(input, &against.trust(), &against.earlier);
    Ok(Outcome::Bundle(Box::new(checked.map_err(|error| CliError::unreachable(format!("{} cannot be read: {error}", args.what)))?), origin))
}

fn unreadable(error: DirectoryUnreadable) -> CliError {
    match error {
        DirectoryUnreadable::NoLog(_) => CliError::incomplete(error.to_string()),
        DirectoryUnreadable::Directory(_) | DirectoryUnreadable::InUse | DirectoryUnreadable::Io(_) => {
            CliError::unreachable(error.to_string())
        }
    }
}

/// Checks the log of a site as it is now: a fresh checkpoint, and everything that leads to it.
pub(super) async fn live(args: VerifyArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let against = Against::read(&args)?;
    let origin = if against.keys.is_empty() { KeyOrigin::Server } else { KeyOrigin::Given };
    let mut answer = reach.stream(&["verification"], &[]).await?;
    let (pieces, read) = mpsc::channel(8);
    let checking = tokio::task::spawn_blocking(move || bundle(Pieces { read, rest: Bytes::new() }, &against.trust(), &against.earlier));
    let fed = feed(&mut answer, pieces).await;
    let checked = checking.await.map_err(|error| CliError::integrity(format!("the check broke off: {error}")))?;
    // What the server broke off is not a forgery.
    fed?;
    let checked = checked.map_err(|error| CliError::unreachable(format!("the log could not be read: {error}")))?;
    Outcome::Bundle(Box::new(checked), origin).tell(output, output.is_table() && !args.json)
}

/// Checks a bundle that is at hand, for people.
pub(super) fn at_hand(bytes: &[u8], output: &mut Output) -> Result<(), CliError> {
    let checked = bundle(bytes, &Trust::OnFirstUse, &[]);
    let checked = checked.map_err(|error| CliError::unreachable(format!("the bundle cannot be read: {error}")))?;
    Outcome::Bundle(Box::new(checked), KeyOrigin::Bundle).tell(output, true)
}

async fn feed(answer: &mut AdminAnswer, pieces: mpsc::Sender<Bytes>) -> Result<(), CliError> {
    while let Some(piece) = answer.piece().await? {
        // Whoever checks has found something and reads no further; the rest is still taken.
        drop(pieces.send(piece).await);
    }
    Ok(())
}

/// Bytes that come from another task.
struct Pieces {
    read: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.read.blocking_recv().unwrap_or_default();
        }
        let piece = self.rest.split_to(self.rest.len().min(buffer.len()));
        buffer.iter_mut().zip(&piece).for_each(|(to, from)| *to = *from);
        Ok(piece.len())
    }
}
