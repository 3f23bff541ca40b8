//! A plain file with group commit: whoever appends while a sync runs shares the next one.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// A way to append. The thread behind it ends when the last of these is dropped.
#[derive(Clone)]
pub struct Journal(Sender<Append>);

struct Append {
    record: Vec<u8>,
    durable: oneshot::Sender<()>,
}

/// So many records at most share a sync, as in Writ.
const BATCH: usize = 1024;

impl Journal {
    /// Begins a new file.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::create_new(path)?;
        let (queue, queued) = channel();
        std::thread::Builder::new().name("control-journal".to_owned()).spawn(move || write_all(file, &queued))?;
        Ok(Self(queue))
    }
    /// Queues a record. What is returned ends when it is durable, and with an error if it never will be.
    pub fn append(&self, record: Vec<u8>) -> oneshot::Receiver<()> {
        let (durable, when_durable) = oneshot::channel();
        // If the thread is gone, the sender inside is dropped, and who waits learns it.
        let _ = self.0.send(Append { record, durable });
        when_durable
    }
}

/// Until nobody can append any more, or until the first error: then nobody who waits is told that all is well.
fn write_all(mut file: File, queued: &Receiver<Append>) {
    while let Ok(first) = queued.recv() {
        let mut batch = vec![first];
        batch.extend(queued.try_iter().take(BATCH - 1));
        let bytes: Vec<u8> = batch.iter().flat_map(|append| append.record.iter().copied()).collect();
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        for append in batch {
            // Who waits may have gone.
            let _ = append.durable.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_told_to_be_durable_is_in_the_file_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        let waiting: Vec<_> = (0..100_u8).map(|n| journal.append(vec![n; 3])).collect();
        for one in waiting {
            one.await.unwrap();
        }
        let expected: Vec<u8> = (0..100).flat_map(|n| [n; 3]).collect();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }
}
