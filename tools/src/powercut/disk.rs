//! A disk with a cache that is lost when the power goes: each file and directory as it is seen, and as it would be found afterwards.
//!
//! A sync of a file makes its bytes durable, a sync of a directory its names; nothing else makes anything durable. Modes are durable
//! at once. That is stricter than most file systems, and as strict as POSIX allows.

mod bytes;
mod names;

pub use bytes::Bytes;
pub use names::Names;

use bytes::Change;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The number of a node; 1 is the root.
pub type Ino = u64;
/// The root directory.
pub const ROOT: Ino = 1;

/// All nodes. Those without a name are kept: the disk is thrown away soon.
pub struct Disk {
    nodes: BTreeMap<Ino, Node>,
    next: Ino,
    /// A name whose data syncs are not done although they are answered.
    deaf_to: Option<OsString>,
}

/// One file, directory or socket.
pub struct Node {
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub body: Body,
}

/// What a node holds.
pub enum Body {
    File(Bytes),
    Directory(Names),
    Socket,
}

/// Why something cannot be done: as the system would say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    NotFound,
    Exists,
    NotEmpty,
    NotAFile,
    NotADirectory,
}

/// What is left after the power went.
pub enum Cut<'a> {
    /// Only what was synced.
    Dropped,
    /// Also some sectors of what was not, and some of the changes of names.
    Torn(&'a mut Rng),
}

impl Disk {
    /// An empty disk.
    pub fn new(deaf_to: Option<&str>) -> Self {
        let root = Node { mode: 0o755, body: Body::Directory(Names::default()) };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, deaf_to: deaf_to.map(OsString::from) }
    }
    /// A disk that holds this directory's content, all of it durable.
    pub fn holding(path: &Path, deaf_to: Option<&str>) -> io::Result<Self> {
        let mut disk = Self::new(deaf_to);
        disk.load(ROOT, path)?;
        Ok(disk)
    }

    /// The node of this number.
    pub fn node(&self, ino: Ino) -> Result<&Node, Refused> {
        self.nodes.get(&ino).ok_or(Refused::NotFound)
    }
    /// The node's length in bytes.
    pub fn length(&self, ino: Ino) -> Result<usize, Refused> {
        Ok(match &self.node(ino)?.body {
            Body::File(bytes) => bytes.now.len(),
            Body::Directory(_) | Body::Socket => 0,
        })
    }
    /// The node of this name.
    pub fn find(&self, directory: Ino, name: &OsStr) -> Result<Ino, Refused> {
        self.names(directory)?.now.get(name).copied().ok_or(Refused::NotFound)
    }
    /// The names of a directory.
    pub fn list(&self, directory: Ino) -> Result<Vec<(OsString, Ino)>, Refused> {
        Ok(self.names(directory)?.now.iter().map(|(name, ino)| (name.clone(), *ino)).collect())
    }
    /// Makes a node; its name must be new.
    pub fn make(&mut self, directory: Ino, name: &OsStr, mode: u32, mut body: Body) -> Result<Ino, Refused> {
        if self.find(directory, name).is_ok() {
            return Err(Refused::Exists);
        }
        if let Body::File(bytes) = &mut body {
            bytes.is_deaf = self.deaf_to.as_deref() == Some(name);
        }
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, Node { mode, body });
        self.names_mut(directory)?.set(name, Some(ino));
        Ok(ino)
    }
    /// Gives a node one more name.
    pub fn link(&mut self, ino: Ino, directory: Ino, name: &OsStr) -> Result<(), Refused> {
        if self.find(directory, name).is_ok() {
            return Err(Refused::Exists);
        }
        self.names_mut(directory)?.set(name, Some(ino));
        Ok(())
    }
    /// Takes a name away.
    pub fn unlink(&mut self, directory: Ino, name: &OsStr) -> Result<(), Refused> {
        let ino = self.find(directory, name)?;
        if let Body::Directory(names) = &self.node(ino)?.body
            && !names.now.is_empty()
        {
            return Err(Refused::NotEmpty);
        }
        self.names_mut(directory)?.set(name, None);
        Ok(())
    }
    /// Moves a name, over another if need be.
    pub fn rename(&mut self, from: (Ino, &OsStr), to: (Ino, &OsStr)) -> Result<(), Refused> {
        let ino = self.find(from.0, from.1)?;
        if let Ok(over) = self.find(to.0, to.1)
            && let Body::Directory(names) = &self.node(over)?.body
            && !names.now.is_empty()
        {
            return Err(Refused::NotEmpty);
        }
        self.names_mut(to.0)?.set(to.1, Some(ino));
        self.names_mut(from.0)?.set(from.1, None);
        Ok(())
    }
    /// So many bytes of a file, or fewer at its end.
    pub fn read(&self, ino: Ino, at: usize, length: usize) -> Result<&[u8], Refused> {
        let Body::File(bytes) = &self.node(ino)?.body else { return Err(Refused::NotAFile) };
        let end = bytes.now.len().min(at.saturating_add(length));
        Ok(bytes.now.get(at..end).unwrap_or_default())
    }
    /// Writes into a file.
    pub fn write(&mut self, ino: Ino, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        self.file_mut(ino)?.change(Change::Write { at, bytes: bytes.to_vec() });
        Ok(())
    }
    /// Cuts a file off, or lengthens it with zeros.
    pub fn set_length(&mut self, ino: Ino, length: usize) -> Result<(), Refused> {
        self.file_mut(ino)?.change(Change::Length(length));
        Ok(())
    }
    /// Changes permission bits.
    pub fn set_mode(&mut self, ino: Ino, mode: u32) -> Result<(), Refused> {
        self.nodes.get_mut(&ino).ok_or(Refused::NotFound)?.mode = mode & 0o7777;
        Ok(())
    }
    /// Makes the bytes of a file, or the names of a directory, durable.
    pub fn sync(&mut self, ino: Ino, is_data_only: bool) -> Result<(), Refused> {
        match &mut self.nodes.get_mut(&ino).ok_or(Refused::NotFound)?.body {
            Body::File(bytes) if bytes.is_deaf && is_data_only => {}
            Body::File(bytes) => std::mem::take(&mut bytes.unsynced).iter().for_each(|change| change.on(&mut bytes.durable)),
            Body::Directory(names) => {
                names.unsynced.clear();
                names.durable.clone_from(&names.now);
            }
            Body::Socket => {}
        }
        Ok(())
    }

    /// Writes what is left after a power cut into an empty directory.
    pub fn leave(&self, cut: &mut Cut<'_>, path: &Path) -> io::Result<()> {
        self.leave_directory(ROOT, cut, path)
    }

    fn leave_directory(&self, directory: Ino, cut: &mut Cut<'_>, path: &Path) -> io::Result<()> {
        let Ok(names) = self.names(directory) else { return Ok(()) };
        for (name, ino) in names.after(cut) {
            let Some(node) = self.nodes.get(&ino) else { continue };
            let path = path.join(name);
            match &node.body {
                Body::File(bytes) => {
                    let file = fs::OpenOptions::new().write(true).create_new(true).mode(node.mode & 0o777).open(&path)?;
                    std::os::unix::fs::FileExt::write_all_at(&file, &bytes.after(cut), 0)?;
                }
                Body::Directory(_) => {
                    fs::DirBuilder::new().mode(node.mode & 0o777).create(&path)?;
                    self.leave_directory(ino, cut, &path)?;
                }
                // The name of a socket that nobody listens on.
                Body::Socket => drop(std::os::unix::net::UnixListener::bind(&path)),
            }
        }
        Ok(())
    }

    fn load(&mut self, directory: Ino, path: &Path) -> io::Result<()> {
        let refused = |refused: Refused| io::Error::other(format!("{refused:?}"));
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let (kind, mode) = (entry.file_type()?, entry.metadata()?.permissions().mode() & 0o777);
            if kind.is_dir() {
                let ino = self.make(directory, &entry.file_name(), mode, Body::Directory(Names::default())).map_err(refused)?;
                self.load(ino, &entry.path())?;
            } else if kind.is_file() {
                let ino = self.make(directory, &entry.file_name(), mode, Body::File(Bytes::default())).map_err(refused)?;
                self.write(ino, 0, &fs::read(entry.path())?).and_then(|()| self.sync(ino, false)).map_err(refused)?;
            } else if kind.is_socket() {
                self.make(directory, &entry.file_name(), mode, Body::Socket).map_err(refused)?;
            }
        }
        self.sync(directory, false).map_err(refused)
    }

    fn names(&self, ino: Ino) -> Result<&Names, Refused> {
        match &self.node(ino)?.body {
            Body::Directory(names) => Ok(names),
            Body::File(_) | Body::Socket => Err(Refused::NotADirectory),
        }
    }
    fn names_mut(&mut self, ino: Ino) -> Result<&mut Names, Refused> {
        match &mut self.nodes.get_mut(&ino).ok_or(Refused::NotFound)?.body {
            Body::Directory(names) => Ok(names),
            Body::File(_) | Body::Socket => Err(Refused::NotADirectory),
        }
    }
    fn file_mut(&mut self, ino: Ino) -> Result<&mut Bytes, Refused> {
        match &mut self.nodes.get_mut(&ino).ok_or(Refused::NotFound)?.body {
            Body::File(bytes) => Ok(bytes),
            Body::Directory(_) | Body::Socket => Err(Refused::NotAFile),
        }
    }
}

#[cfg(test)]
mod tests;
