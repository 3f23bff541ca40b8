//! The plain engine: one append-only file. Oracle of the others and way out of them.
//!
//! ```text
//! file  = "WRITSEG1", batches
//! batch = u32 magic 0x57424154, u32 frames, u32 bytes of the body, u64 position of the first frame, u32 CRC-32C of these 20 bytes,
//!         body, u32 CRC-32C of the body
//! body  = for each frame: u32 length, bytes
//! ```
//!
//! Numbers are big-endian. The file is read up to the first batch that is not whole. What follows is the rest of an append that was
//! cut off, or damage; which of them, the mark tells (a log shorter than the mark is refused). It is kept in a file of its own before
//! the next append overwrites it.

use super::frames::{self, Gate, News, Source, Subscription};
use super::record::Bytes;
use super::{AppendError, Batch, Cause, Damage, EventLog, FRAME_BYTES_MAX, Frames, LogError, Position, directory};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MAGIC: &[u8; 8] = b"WRITSEG1";
const BATCH_MAGIC: u32 = 0x5742_4154;
const MAGIC_BYTES: u64 = 8;
const HEADER_BYTES: u64 = 24;
const LENGTH_BYTES: u64 = 4;
const CHECKSUM_BYTES: u64 = 4;

/// A log in one file.
pub struct FileLog {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    file: File,
    news: Arc<News>,
    /// Where each frame's bytes are: offset and length. Locked for a look only, never during I/O, so that no reader waits for a sync.
    places: Mutex<Vec<(u64, usize)>>,
    writer: Mutex<Writer>,
}

/// Held during an append.
struct Writer {
    gate: Gate,
    /// The end of the last whole batch.
    end: u64,
    /// Whether something follows it that must be moved aside first.
    has_rest: bool,
}

impl FileLog {
    /// Opens the file, or makes an empty one and syncs it with its directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() < MAGIC_BYTES {
            file.write_all_at(MAGIC, 0)?;
            file.sync_all()?;
            directory::sync_parent(path)?;
        }
        // A batch that a killed process wrote and did not sync is served from here on, so it must be durable.
        file.sync_all()?;
        let (writer, places) = scan(&file)?;
        let news = News::new(Position(0).plus(places.len()));
        let inner = Inner { path: path.to_owned(), file, news, places: Mutex::new(places), writer: Mutex::new(writer) };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl EventLog for FileLog {
    fn head(&self) -> Result<Position, LogError> {
        Ok(self.inner.news.head())
    }
    fn append(&self, expected: Position, batch: Batch) -> Result<Position, AppendError> {
        let mut writer = self.inner.writer();
        writer.gate.check()?;
        if self.inner.news.is_closed() {
            return Err(AppendError::Unavailable(Cause("the log is closed".to_owned())));
        }
        let head = self.inner.news.head();
        if head != expected {
            return Err(AppendError::Conflict { head });
        }
        let written = self.inner.write(&mut writer, head, &batch);
        let head = written.inspect_err(|_| writer.gate.shut(&Cause("an append failed".to_owned())))?;
        self.inner.news.publish(head);
        Ok(head)
    }
    fn read_from(&self, from: Position) -> Frames {
        frames::until(self.inner.clone(), from, self.inner.news.head())
    }
    fn subscribe(&self, from: Position) -> Subscription {
        let source: Arc<dyn Source> = self.inner.clone();
        Subscription::new(Arc::downgrade(&source), self.inner.news.clone(), from)
    }
    fn close(&self) {
        self.inner.news.close();
    }
}
impl Drop for FileLog {
    fn drop(&mut self) {
        self.inner.news.close();
    }
}

impl Inner {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn places(&self) -> MutexGuard<'_, Vec<(u64, usize)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Commit point: the return of `sync_data`.
    fn write(&self, writer: &mut Writer, first: Position, batch: &Batch) -> Result<Position, AppendError> {
        let bytes = encode(first, batch).ok_or_else(|| AppendError::Unavailable(Cause("the batch is too long".to_owned())))?;
        if writer.has_rest {
            self.move_rest_aside(writer.end).map_err(|error| failed("moving the cut-off end of the log aside", error))?;
            writer.has_rest = false;
        }
        self.file.write_all_at(&bytes, writer.end).map_err(|error| failed("writing the log", error))?;
        self.file.sync_data().map_err(|error| failed("syncing the log", error))?;
        let mut places = self.places();
        writer.end = note(&mut places, writer.end, batch.frames().iter().map(Vec::len));
        Ok(Position(0).plus(places.len()))
    }
    fn move_rest_aside(&self, end: u64) -> io::Result<()> {
        let rest = read_at(&self.file, end, self.file.metadata()?.len().saturating_sub(end))?;
        let aside = self.path.with_extension(format!("rest-{end}"));
        std::fs::write(&aside, rest)?;
        File::open(&aside)?.sync_all()?;
        directory::sync_parent(&aside)?;
        self.file.set_len(end)
    }
}
impl Source for Inner {
    fn read(&self, from: Position, to: Position) -> Result<Vec<Vec<u8>>, LogError> {
        let start = from.since(Position(0));
        let places = self.places().get(start..start.saturating_add(to.since(from))).map(<[_]>::to_vec);
        let places = places.ok_or(Damage::Missing { position: from })?;
        let frames = places.into_iter().enumerate().map(|(n, (offset, length))| {
            let mut frame = vec![0; length];
            let unreadable = |error: io::Error| Damage::Unreadable { position: from.plus(n), why: error.to_string() };
            self.file.read_exact_at(&mut frame, offset).map_err(unreadable)?;
            Ok(frame)
        });
        frames.collect()
    }
}

/// Notes the frames of a whole batch that begins at an offset; gives where it ends.
fn note(places: &mut Vec<(u64, usize)>, begin: u64, lengths: impl Iterator<Item = usize>) -> u64 {
    let mut offset = begin.saturating_add(HEADER_BYTES);
    for length in lengths {
        offset = offset.saturating_add(LENGTH_BYTES);
        places.push((offset, length));
        offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
    offset.saturating_add(CHECKSUM_BYTES)
}

fn failed(doing: &str, error: io::Error) -> AppendError {
    match matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        true => AppendError::Full,
        false => AppendError::Unknown(Cause::of(doing, error)),
    }
}

fn encode(first: Position, batch: &Batch) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    for frame in batch.frames() {
        body.extend(u32::try_from(frame.len()).ok()?.to_be_bytes());
        body.extend(frame);
    }
    let mut bytes = BATCH_MAGIC.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(batch.frames().len()).ok()?.to_be_bytes());
    bytes.extend(u32::try_from(body.len()).ok()?.to_be_bytes());
    bytes.extend(first.0.to_be_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    bytes.extend(&body);
    bytes.extend(crc32c::crc32c(&body).to_be_bytes());
    Some(bytes)
}

fn scan(file: &File) -> io::Result<(Writer, Vec<(u64, usize)>)> {
    if read_at(file, 0, MAGIC_BYTES)? != MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not begin as a segment does"));
    }
    let length = file.metadata()?.len();
    let (mut places, mut end) = (Vec::new(), MAGIC_BYTES);
    while let Some(lengths) = whole_batch(file, end, length, Position(0).plus(places.len()))? {
        end = note(&mut places, end, lengths.into_iter());
    }
    Ok((Writer { gate: Gate::default(), end, has_rest: end < length }, places))
}

/// The lengths of the frames of the batch at an offset; none if there is no whole batch that begins with this position.
fn whole_batch(file: &File, offset: u64, length: u64, first: Position) -> io::Result<Option<Vec<usize>>> {
    let left = length.saturating_sub(offset);
    if left < HEADER_BYTES {
        return Ok(None);
    }
    let header = read_at(file, offset, HEADER_BYTES)?;
    let Some((frames, body_bytes)) = parse_header(&header, first) else { return Ok(None) };
    if left < HEADER_BYTES + u64::from(body_bytes) + CHECKSUM_BYTES {
        return Ok(None);
    }
    let body = read_at(file, offset + HEADER_BYTES, u64::from(body_bytes) + CHECKSUM_BYTES)?;
    Ok(parse_body(&body, frames))
}

fn parse_header(header: &[u8], first: Position) -> Option<(usize, u32)> {
    let (covered, checksum) = header.split_last_chunk::<4>()?;
    let mut rest = Bytes(covered);
    let (magic, frames, body_bytes, position) = (rest.u32()?, rest.u32()?, rest.u32()?, rest.u64()?);
    let is_sound = magic == BATCH_MAGIC && position == first.0 && crc32c::crc32c(covered) == u32::from_be_bytes(*checksum);
    is_sound.then_some((usize::try_from(frames).ok()?, body_bytes))
}

fn parse_body(body: &[u8], frames: usize) -> Option<Vec<usize>> {
    let (covered, checksum) = body.split_last_chunk::<4>()?;
    if crc32c::crc32c(covered) != u32::from_be_bytes(*checksum) {
        return None;
    }
    let mut rest = Bytes(covered);
    let mut lengths = Vec::new();
    while !rest.0.is_empty() {
        let length = usize::try_from(rest.u32()?).ok().filter(|length| (1..=FRAME_BYTES_MAX).contains(length))?;
        rest.take(length)?;
        lengths.push(length);
    }
    (lengths.len() == frames).then_some(lengths)
}

fn read_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
