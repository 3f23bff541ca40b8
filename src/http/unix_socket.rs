//! The Unix socket of the admin API: only its owner may connect (DESIGN.md §7).

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::Path,
};
use tokio::net::UnixListener;

/// Listens at this path with mode 0600. A socket file that nobody listens on any more is replaced; a living one, or a file of
/// another kind, is an error.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    refuse_the_living(path)?;
    // The socket gets its mode inside a folder that nobody else can enter, so at no time anybody else can connect.
    let nursery = path.with_extension("new");
    let _ = fs::remove_dir_all(&nursery);
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let listener = born_in(&nursery, path);
    let _ = fs::remove_dir_all(&nursery);
    listener
}

fn born_in(nursery: &Path, path: &Path) -> io::Result<UnixListener> {
    let young = nursery.join("s");
    let listener = UnixListener::bind(&young)?;
    fs::set_permissions(&young, Permissions::from_mode(0o600))?;
    fs::rename(&young, path)?;
    Ok(listener)
}

fn refuse_the_living(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file in the socket's place"))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens on the socket")),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_owner_may_connect_and_only_one_may_listen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let first = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        let _second = listen(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_file_of_another_kind_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
