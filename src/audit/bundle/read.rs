//! Taking a bundle apart while it is read: first its files, then its events, a line at a time.

use super::container::{EndLine, FileLine};
use super::tar_header::{BLOCK, padding, told_size};
use super::{EVENTS, FILES, LINE_BYTES_MAX};
use crate::log::VerifyFailure;
use crate::terms::Digest;
use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, BufRead, Read};

/// Why a bundle is not read to its end.
#[derive(Debug)]
pub enum Halt {
    /// It is not as it should be.
    Failed(VerifyFailure),
    /// It cannot be read.
    Unreadable(io::Error),
}

impl From<VerifyFailure> for Halt {
    fn from(failure: VerifyFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// More of a file before the events is not held in memory: the range proof of 300 million events has as much.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// How the line that ends a single file begins.
const END: &[u8] = b"{\"end\":";

/// The lines of `events.ndjson`, one after the other.
pub struct Lines<R> {
    input: R,
    form: Rest,
    context: Context,
}

/// Where the events end.
enum Rest {
    /// After so many bytes of an archive's member of this size.
    Tar { left: u64, size: u64 },
    /// At the line that says so: this one, once it has been read. `next` is a line that was read too early.
    Single { next: Option<Line>, end: Option<Line> },
}

/// A line without its end.
pub struct Line {
    /// Its bytes; none if there are too many.
    pub bytes: Option<Vec<u8>>,
    /// Whether its end was there.
    pub is_whole: bool,
}

/// The files before the events, in order, and the events.
pub fn open<R: BufRead>(mut input: R) -> Result<([Vec<u8>; 5], Lines<R>), Halt> {
    let first = input.fill_buf()?.first().copied();
    let (files, form) = match first {
        None => return Err(VerifyFailure::Truncated.into()),
        Some(b'{') => files_of_lines(&mut input)?,
        Some(_) => files_of_tar(&mut input)?,
    };
    Ok((files, Lines { input, form, context: Context::new(&SHA256) }))
}

fn files_of_tar(input: &mut impl BufRead) -> Result<([Vec<u8>; 5], Rest), Halt> {
    let mut files: [Vec<u8>; 5] = Default::default();
    for (name, file) in FILES.iter().zip(&mut files) {
        let size = member(input, name)?;
        if size > FILE_BYTES_MAX {
            return Err(VerifyFailure::File.into());
        }
        input.take(size).read_to_end(file)?;
        if u64::try_from(file.len()).unwrap_or(u64::MAX) < size {
            return Err(VerifyFailure::Truncated.into());
        }
        zeros(input, padding(size))?;
    }
    let size = member(input, EVENTS)?;
    Ok((files, Rest::Tar { left: size, size }))
}

/// The size of the member that begins here.
fn member(input: &mut impl BufRead, name: &str) -> Result<u64, Halt> {
    let mut header = [0; BLOCK];
    exactly(input, &mut header)?;
    told_size(&header, name).ok_or(Halt::Failed(VerifyFailure::File))
}

fn zeros(input: &mut impl BufRead, count: usize) -> Result<(), Halt> {
    let mut bytes = vec![0; count];
    exactly(input, &mut bytes)?;
    match bytes.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(VerifyFailure::File.into()),
    }
}

fn exactly(input: &mut impl BufRead, buffer: &mut [u8]) -> Result<(), Halt> {
    match input.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(VerifyFailure::Truncated.into()),
        other => Ok(other?),
    }
}

fn files_of_lines(input: &mut impl BufRead) -> Result<([Vec<u8>; 5], Rest), Halt> {
    let mut files: [Vec<u8>; 5] = Default::default();
    let mut held = 0_u64;
    let mut at = 0;
    // The first line of a file is its own; a line of the file that is at hand goes on with it.
    let mut is_begun = false;
    loop {
        let line = line(input, u64::MAX)?.ok_or(VerifyFailure::Truncated)?;
        let is_event = line.bytes.as_deref().is_some_and(|bytes| !bytes.starts_with(b"{\"file\":"));
        if at == FILES.len() - 1 && is_begun && is_event {
            return Ok((files, Rest::Single { next: Some(line), end: None }));
        }
        if !line.is_whole {
            return Err(VerifyFailure::Truncated.into());
        }
        let bytes = line.bytes.ok_or(VerifyFailure::File)?;
        let piece = file_line(&bytes).ok_or(VerifyFailure::File)?;
        let is_next = is_begun && FILES.get(at + 1).is_some_and(|name| *name == piece.file);
        at += usize::from(is_next);
        is_begun = true;
        held = held.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        match (FILES.get(at), files.get_mut(at)) {
            (Some(name), Some(file)) if *name == piece.file && held <= FILE_BYTES_MAX => file.extend(piece.text.as_bytes()),
            (_, _) => return Err(VerifyFailure::File.into()),
        }
    }
}

fn file_line(bytes: &[u8]) -> Option<FileLine<'_>> {
    let piece: FileLine = serde_json::from_slice(bytes).ok()?;
    (serde_json::to_vec(&piece).ok()? == bytes).then_some(piece)
}

/// The next line within so many bytes; none at the end.
fn line(input: &mut impl BufRead, within: u64) -> io::Result<Option<Line>> {
    let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    input.take(within.min(most)).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let is_whole = bytes.last() == Some(&b'\n');
    bytes.truncate(bytes.len().saturating_sub(usize::from(is_whole)));
    let is_too_long = bytes.len() > LINE_BYTES_MAX;
    Ok(Some(Line { bytes: (!is_too_long).then_some(bytes), is_whole: is_whole || is_too_long }))
}

impl<R: BufRead> Lines<R> {
    /// The next line of the events; none at their end.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let next = match &mut self.form {
            Rest::Tar { left, .. } => {
                let next = line(&mut self.input, *left)?;
                let length = next.as_ref().map_or(0, Line::length);
                *left = left.saturating_sub(length);
                next
            }
            Rest::Single { end: Some(_), .. } => None,
            Rest::Single { next, end } => {
                let next = match next.take() {
                    Some(next) => Some(next),
                    None => line(&mut self.input, u64::MAX)?,
                };
                match next {
                    Some(last) if last.bytes.as_deref().is_some_and(|bytes| bytes.starts_with(END)) => {
                        *end = Some(last);
                        None
                    }
                    next => next,
                }
            }
        };
        if let Some(Line { bytes: Some(bytes), is_whole }) = &next {
            self.context.update(bytes);
            self.context.update(if *is_whole { b"\n" } else { b"" });
        }
        Ok(next)
    }

    /// After the last line: what stands behind the events. Gives the digest of their bytes.
    pub fn finish(&mut self, events: u64) -> Result<Digest, Halt> {
        match &self.form {
            Rest::Tar { size, .. } => {
                let after = padding(*size).saturating_add(2 * BLOCK);
                zeros(&mut self.input, after)?;
            }
            Rest::Single { end, .. } => {
                let last = end.as_ref().filter(|line| line.is_whole).ok_or(VerifyFailure::Truncated)?;
                let bytes = last.bytes.as_deref().unwrap_or_default();
                let end: EndLine = serde_json::from_slice(bytes).map_err(|_| VerifyFailure::File)?;
                if serde_json::to_vec(&end).map_err(|_| VerifyFailure::File)? != bytes {
                    return Err(VerifyFailure::File.into());
                }
                if end.end != events {
                    return Err(VerifyFailure::Count.into());
                }
            }
        }
        if !self.input.fill_buf()?.is_empty() {
            return Err(VerifyFailure::File.into());
        }
        let mut out = [0; 32];
        out.iter_mut().zip(self.context.clone().finish().as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Digest::from_bytes(out))
    }

    /// What is read from.
    pub fn into_input(self) -> R {
        self.input
    }
}

impl Line {
    /// How many bytes it took.
    fn length(&self) -> u64 {
        let bytes = self.bytes.as_ref().map_or(LINE_BYTES_MAX.saturating_add(1), Vec::len);
        u64::try_from(bytes.saturating_add(usize::from(self.is_whole && self.bytes.is_some()))).unwrap_or(u64::MAX)
    }
}
