//! The disk as a file system of the kernel, by FUSE.

use super::disk::{Body, Bytes, Disk, Ino, Names, Refused};
use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Everything goes through this one kernel, so it may remember names and attributes.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// The bits of a mode that say what a node is.
const KIND_BITS: u32 = 0o170_000;
const SOCKET: u32 = 0o140_000;
const FILE: u32 = 0o100_000;

/// A disk that is mounted until it is taken off.
pub struct Mounted {
    disk: Shared,
    session: Option<BackgroundSession>,
    path: PathBuf,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Disk>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mounted {
    /// Mounts the disk on an empty directory. Needs `/dev/fuse` and the right to mount.
    pub fn mount(disk: Disk, path: &Path) -> io::Result<Self> {
        let disk = Shared(Arc::new(Mutex::new(disk)));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("writ-powercut".to_owned()), MountOption::DefaultPermissions];
        let session = fuser::spawn_mount(disk.clone(), path, &config)?;
        Ok(Self { disk, session: Some(session), path: path.to_owned() })
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The power goes: what is left is written into an empty directory.
    pub fn cut(mut self, cut: &mut super::disk::Cut<'_>, into: &Path) -> io::Result<()> {
        self.disk.lock().leave(cut, into)?;
        match self.session.take() {
            Some(session) => session.umount_and_join(),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn attributes(&self, ino: Ino) -> Result<FileAttr, Refused> {
        let disk = self.lock();
        let node = disk.node(ino)?;
        let size = u64::try_from(disk.length(ino)?).unwrap_or(u64::MAX);
        let kind = match &node.body {
            Body::File(_) => FileType::RegularFile,
            Body::Directory(_) => FileType::Directory,
            Body::Socket => FileType::Socket,
        };
        Ok(FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: u16::try_from(node.mode & 0o7777).unwrap_or(0o600),
            nlink: 1,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }
    fn make(&self, parent: INodeNo, name: &OsStr, mode: u32, body: Body) -> Result<FileAttr, Refused> {
        let ino = self.lock().make(parent.0, name, mode & 0o7777, body)?;
        self.attributes(ino)
    }
}

fn errno(refused: Refused) -> Errno {
    match refused {
        Refused::NotFound => Errno::ENOENT,
        Refused::Exists => Errno::EEXIST,
        Refused::NotEmpty => Errno::ENOTEMPTY,
        Refused::NotAFile => Errno::EISDIR,
        Refused::NotADirectory => Errno::ENOTDIR,
    }
}
fn entered(reply: ReplyEntry, made: Result<FileAttr, Refused>) {
    match made {
        Ok(attributes) => reply.entry(&REMEMBERED, &attributes, Generation(0)),
        Err(refused) => reply.error(errno(refused)),
    }
}
fn done(reply: ReplyEmpty, outcome: Result<(), Refused>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(refused) => reply.error(errno(refused)),
    }
}

impl Filesystem for Shared {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.lock().find(parent.0, name);
        entered(reply, found.and_then(|ino| self.attributes(ino)));
    }
    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(ino.0) {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(refused) => reply.error(errno(refused)),
        }
    }
    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            let mut disk = self.lock();
            mode.map_or(Ok(()), |mode| disk.set_mode(ino.0, mode))?;
            size.map_or(Ok(()), |size| disk.set_length(ino.0, usize::try_from(size).unwrap_or(usize::MAX)))
        };
        match set().and_then(|()| self.attributes(ino.0)) {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(refused) => reply.error(errno(refused)),
        }
    }
    fn mknod(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: u32, reply: ReplyEntry) {
        match mode & KIND_BITS {
            SOCKET => entered(reply, self.make(parent, name, mode & !umask, Body::Socket)),
            FILE => entered(reply, self.make(parent, name, mode & !umask, Body::File(Bytes::default()))),
            _ => reply.error(Errno::EPERM),
        }
    }
    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        entered(reply, self.make(parent, name, mode & !umask, Body::Directory(Names::default())));
    }
    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.lock().unlink(parent.0, name));
    }
    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.lock().unlink(parent.0, name));
    }
    fn rename(&self, _: &Request, parent: INodeNo, name: &OsStr, to: INodeNo, new: &OsStr, flags: RenameFlags, reply: ReplyEmpty) {
        match flags.is_empty() {
            true => done(reply, self.lock().rename((parent.0, name), (to.0, new))),
            false => reply.error(Errno::EINVAL),
        }
    }
    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let linked = self.lock().link(ino.0, parent.0, name);
        entered(reply, linked.and_then(|()| self.attributes(ino.0)));
    }
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }
    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: i32, reply: ReplyCreate) {
        match self.make(parent, name, mode & !umask, Body::File(Bytes::default())) {
            Ok(attributes) => reply.created(&REMEMBERED, &attributes, Generation(0), FileHandle(0), FopenFlags::empty()),
            Err(refused) => reply.error(errno(refused)),
        }
    }
    fn read(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, size: u32, _: OpenFlags, _: Option<LockOwner>, reply: ReplyData) {
        let (at, length) = (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or_default());
        match self.lock().read(ino.0, at, length) {
            Ok(bytes) => reply.data(bytes),
            Err(refused) => reply.error(errno(refused)),
        }
    }
    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.lock().write(ino.0, usize::try_from(offset).unwrap_or(usize::MAX), data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(refused) => reply.error(errno(refused)),
        }
    }
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Called at each close, which makes nothing durable.
        reply.ok();
    }
    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, datasync: bool, reply: ReplyEmpty) {
        done(reply, self.lock().sync(ino.0, datasync));
    }
    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(reply, self.lock().sync(ino.0, false));
    }
    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.lock().list(ino.0);
        let Ok(listed) = listed else { return reply.error(Errno::ENOTDIR) };
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        for (next, (name, child)) in (1_u64..).zip(listed).skip(skipped) {
            let kind = self.attributes(child).map_or(FileType::RegularFile, |attributes| attributes.kind);
            if reply.add(INodeNo(child), next, kind, name) {
                break;
            }
        }
        reply.ok();
    }
    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(1 << 24, 1 << 23, 1 << 23, 1 << 20, 1 << 20, 4096, 255, 4096);
    }
}
