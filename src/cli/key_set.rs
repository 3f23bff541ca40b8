//! A key set from a file or stdin (RFC 7517 §5), as far as the command line looks at it: what its keys may be, the server says.

use super::exit::CliError;
use crate::terms::strict_json;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest one: as much as the server reads.
const BYTES_MAX: u64 = 64 * 1024;

/// The document at this path; `-` is stdin.
pub(super) fn key_set(path: &Path) -> Result<Value, CliError> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
    let unread = |error: io::Error| CliError::usage(format!("{name} cannot be read: {error}"));
    let from: Box<dyn Read> = if is_stdin { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(unread)?) };
    let mut text = Vec::new();
    let most = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX);
    from.take(BYTES_MAX.saturating_add(1)).read_to_end(&mut text).map_err(unread)?;
    if text.len() > most {
        return Err(CliError::usage(format!("{name} is longer than {most} bytes")));
    }
    let document = strict_json(&text).filter(|document| document.get("keys").is_some_and(Value::is_array));
    document.ok_or_else(|| CliError::usage(format!("{name} holds no key set: a JSON object with a list 'keys'")))
}
