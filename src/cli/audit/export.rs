//! `writ audit export`: a part of the log as a bundle that anyone can check offline.

use super::super::exit::CliError;
use super::super::output::{Output, words};
use super::super::reach::Reach;
use crate::audit::bundle::{Hashing, hex};
use bytes::Bytes;
use clap::Args;
use serde_json::{Map, Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// WHEN is as for `writ log`.
#[derive(Args, Debug)]
#[command(after_help = "WHEN is an event's number (48213), an RFC 3339 time, a while ago (-2h, -15m, -3d), or now.")]
pub(in super::super) struct ExportArgs {
    /// What the events are rendered as; there is ndjson
    #[arg(long, default_value = "ndjson", value_name = "FORMAT")]
    format: String,
    /// Not before [default: the first event]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    from: Option<String>,
    /// Not after [default: now]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    to: Option<String>,
    /// Only events about user:U or client:C; of all others only the hashes
    #[arg(long, value_name = "KIND:ID")]
    subject: Option<String>,
    /// One file of lines instead of a tar archive
    #[arg(long)]
    single: bool,
    /// Write to this file, which must not exist yet [default: stdout]
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
    /// What it is for; recorded
    #[arg(long, value_name = "TEXT")]
    purpose: String,
    /// By what right it is handed out, as "45 CFR 164.528"; recorded
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
}

pub(super) async fn run(args: ExportArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    if args.to_file.is_none() && !args.single && io::stdout().is_terminal() {
        return Err(CliError::usage("a tar archive is not for a terminal: use --to-file FILE, or --single, or redirect it"));
    }
    // Before anything is asked: what will be recorded as exported must have somewhere to go.
    let mut target = match &args.to_file {
        None => {
            output.must_arrive();
            Target::Stdout(output)
        }
        Some(path) => Target::File(NewFile::create(path)?),
    };
    let mut answer = reach.ask_for_stream(&["exports"], &asked(&args)).await?;
    let mut hashing = Hashing::new(io::sink());
    while let Some(piece) = answer.piece().await? {
        hashing.write_all(&piece).map_err(|error| CliError::output(&error))?;
        target.write(&piece)?;
    }
    target.finish()?;
    words(&format!("{} bytes, sha256 {}; to check it: writ audit verify FILE --key VKEY", hashing.length(), hex(&hashing.digest())));
    Ok(())
}

/// The whole log of a site, small enough to be held in memory.
pub(super) async fn whole(reach: &Reach, purpose: &str) -> Result<Bytes, CliError> {
    reach.ask_for_stream(&["exports"], &json!({ "purpose": purpose })).await?.whole().await.map_err(CliError::from)
}

fn asked(args: &ExportArgs) -> Value {
    let form = if args.single { "single" } else { "tar" };
    let given = [
        ("basis", args.basis.as_deref()),
        ("form", Some(form)),
        ("format", Some(args.format.as_str())),
        ("from", args.from.as_deref()),
        ("purpose", Some(args.purpose.as_str())),
        ("subject", args.subject.as_deref()),
        ("to", args.to.as_deref()),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect::<Map<_, _>>().into()
}

enum Target<'a> {
    Stdout(&'a mut Output),
    File(NewFile),
}

impl Target<'_> {
    fn write(&mut self, piece: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Stdout(output) => output.write(piece),
            Self::File(new) => new.file.write_all(piece).map_err(|error| CliError::output(&error)),
        }
    }
    fn finish(self) -> Result<(), CliError> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(new) => new.finish().map_err(|error| CliError::output(&error)),
        }
    }
}

/// A file that is there only if all of it is. For its owner only: it may name people.
struct NewFile {
    path: PathBuf,
    file: File,
    is_whole: bool,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, CliError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| CliError::usage(format!("{} cannot be made: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), file, is_whole: false })
    }
    fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_whole
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            words(&format!("writ: the unfinished {} was left behind: {error}", self.path.display()));
        }
    }
}
