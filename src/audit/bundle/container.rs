//! Putting files and events together: as a tar archive, or as one file of lines.
//!
//! ```text
//! {"file":"manifest.json","text":"…"}     a file; a long one goes on in further lines of its name
//! {"seq":0,…}                             the events
//! {"end":1}                               how many events there were
//! ```

use super::tar_header::{BLOCK, padding, tar_header};
use super::{EVENTS, FILES};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Read, Write};

/// How a bundle is put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A tar archive.
    Tar,
    /// One file of lines (NDJSON).
    Single,
}

/// What a bundle is put together from.
pub struct Parts<E> {
    /// The files of [`FILES`], in order.
    pub files: [Vec<u8>; 5],
    /// The bytes of `events.ndjson`.
    pub events: E,
    /// How many bytes those are.
    pub events_bytes: u64,
    /// How many events those are.
    pub events_count: u64,
}

/// A piece of a file, as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLine<'a> {
    #[serde(borrow)]
    pub file: Cow<'a, str>,
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub end: u64,
}

/// A longer file takes several lines.
const PIECE_CHARS: usize = 65_536;
/// What an archive ends with.
const END_BYTES: usize = 2 * BLOCK;

/// Writes the bundle.
pub fn write<E: Read>(form: Form, parts: Parts<E>, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Tar => write_tar(parts, out),
        Form::Single => write_single(parts, out),
    }
}

fn write_tar<E: Read>(parts: Parts<E>, out: &mut impl Write) -> io::Result<()> {
    for (name, bytes) in FILES.iter().zip(&parts.files) {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        out.write_all(&tar_header(name, size)?)?;
        out.write_all(bytes)?;
        zeros(padding(size), out)?;
    }
    out.write_all(&tar_header(EVENTS, parts.events_bytes)?)?;
    copy_events(parts.events, parts.events_bytes, out)?;
    zeros(padding(parts.events_bytes), out)?;
    zeros(END_BYTES, out)
}

fn write_single<E: Read>(parts: Parts<E>, out: &mut impl Write) -> io::Result<()> {
    for (name, bytes) in FILES.iter().zip(&parts.files) {
        let text = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut rest = text.chars().peekable();
        loop {
            let piece: String = rest.by_ref().take(PIECE_CHARS).collect();
            line(&FileLine { file: Cow::Borrowed(name), text: piece.into() }, out)?;
            if rest.peek().is_none() {
                break;
            }
        }
    }
    copy_events(parts.events, parts.events_bytes, out)?;
    line(&EndLine { end: parts.events_count }, out)
}

/// All events, or an error: what is told in the header and the manifest must be there.
fn copy_events(events: impl Read, bytes: u64, out: &mut impl Write) -> io::Result<()> {
    match io::copy(&mut events.take(bytes), out)? == bytes {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn zeros(count: usize, out: &mut impl Write) -> io::Result<()> {
    out.write_all([0; END_BYTES].get(..count).unwrap_or_default())
}
