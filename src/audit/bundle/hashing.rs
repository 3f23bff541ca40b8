//! SHA-256 of what passes by.

use crate::terms::Digest;
use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, Read, Write};

/// A reader or writer with the SHA-256 of everything that went through it.
pub struct Hashing<T> {
    inner: T,
    context: Context,
    length: u64,
}

impl<T> Hashing<T> {
    /// Nothing has passed yet.
    pub fn new(inner: T) -> Self {
        Self { inner, context: Context::new(&SHA256), length: 0 }
    }
    /// The digest of what has passed.
    pub fn digest(&self) -> Digest {
        let mut out = [0; 32];
        out.iter_mut().zip(self.context.clone().finish().as_ref()).for_each(|(to, from)| *to = *from);
        Digest::from_bytes(out)
    }
    /// How many bytes have passed.
    pub fn length(&self) -> u64 {
        self.length
    }
    /// What it wraps.
    pub fn into_inner(self) -> T {
        self.inner
    }
    fn take_in(&mut self, passed: &[u8]) {
        self.context.update(passed);
        self.length = self.length.saturating_add(u64::try_from(passed.len()).unwrap_or(u64::MAX));
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.take_in(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.take_in(buffer.get(..written).unwrap_or_default());
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_all_that_passed_in_either_direction() {
        let text = b"what is writ stays writ";
        let mut reader = Hashing::new(&text[..]);
        let mut copy = Hashing::new(Vec::new());
        io::copy(&mut reader, &mut copy).unwrap();
        assert_eq!((reader.digest(), reader.length()), (Digest::of(text), 23));
        assert_eq!((copy.digest(), copy.into_inner()), (Digest::of(text), text.to_vec()));
    }
}
