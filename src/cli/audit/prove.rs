//! `writ audit prove`: one event's proof, and beside it the event.

use super::super::exit::CliError;
use super::super::output::{Output, words};
use super::super::reach::Reach;
use clap::Args;
use http::Method;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(in super::super) struct ProveArgs {
    /// The event's number, as 48213 or #48213
    seq: String,
    /// Prove it by the checkpoint over so many events [default: the newest]
    #[arg(long, value_name = "EVENTS")]
    checkpoint: Option<u64>,
    /// Write the proof to this file, and the event beside it as FILE.json
    #[arg(long, value_name = "FILE.tlog-proof")]
    to_file: Option<PathBuf>,
    /// Sealed fields to show in the JSON file, as net.ip,username
    #[arg(long, value_delimiter = ',', value_name = "FIELDS", requires_all = ["to_file", "identify"])]
    disclose: Vec<String>,
}

pub(super) async fn run(args: ProveArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let (size, chosen) = (args.checkpoint.map(|size| size.to_string()), args.disclose.join(","));
    let mut query: Vec<(&str, &str)> = size.iter().map(|size| ("checkpoint", size.as_str())).collect();
    let segments = ["events", args.seq.trim_start_matches('#'), "proof"];
    let Some(file) = &args.to_file else {
        let proof = reach.text(Method::GET, &segments, &query).await?;
        return output.write(proof.as_bytes());
    };
    let beside = file.with_extension("json");
    if beside == *file {
        return Err(CliError::usage("the proof's file cannot end in .json: the event is written beside it under that name"));
    }
    query.push(("leaf", "true"));
    if !chosen.is_empty() {
        query.push(("disclose", &chosen));
    }
    let whole = reach.text(Method::GET, &segments, &query).await?;
    let mut event: Value = serde_json::from_str(&whole).map_err(|_| CliError::unreachable("the server's answer is not JSON"))?;
    let proof = event.as_object_mut().and_then(|members| members.remove("proof")).unwrap_or_default();
    write(file, proof.as_str().unwrap_or_default())?;
    write(&beside, &format!("{event}\n"))?;
    words(&format!("event #{} and its proof: {} and {}", args.seq.trim_start_matches('#'), beside.display(), file.display()));
    Ok(())
}

/// For its owner only: it may name people.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| CliError::output(&error))
}
