use super::*;

fn file(disk: &mut Disk, name: &str, bytes: &[u8]) -> Ino {
    let ino = disk.make(ROOT, OsStr::new(name), 0o600, Body::File(Bytes::default())).unwrap();
    disk.write(ino, 0, bytes).unwrap();
    ino
}
fn left(disk: &Disk, mut cut: Cut<'_>) -> BTreeMap<String, Vec<u8>> {
    let path = tempfile::tempdir().unwrap();
    disk.leave(&mut cut, path.path()).unwrap();
    let entries = fs::read_dir(path.path()).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap_or_default())).collect()
}

#[test]
fn bytes_need_a_sync_of_their_file_and_names_one_of_their_directory() {
    let mut disk = Disk::new(None);
    let ino = file(&mut disk, "a", b"one");
    assert!(left(&disk, Cut::Dropped).is_empty());
    disk.sync(ino, true).unwrap();
    assert!(left(&disk, Cut::Dropped).is_empty(), "its name is not durable");
    disk.sync(ROOT, false).unwrap();
    disk.write(ino, 3, b" two").unwrap();
    assert_eq!(disk.read(ino, 0, 100).unwrap(), b"one two");
    assert_eq!(left(&disk, Cut::Dropped)["a"], b"one");
    file(&mut disk, "b", b"three");
    disk.sync(ROOT, false).unwrap();
    assert_eq!(left(&disk, Cut::Dropped)["b"], b"", "a name without bytes");
}

#[test]
fn a_rename_or_removal_is_undone_unless_the_directory_was_synced() {
    let mut disk = Disk::new(None);
    let ino = file(&mut disk, "a", b"one");
    disk.sync(ino, false).unwrap();
    disk.sync(ROOT, false).unwrap();
    disk.rename((ROOT, OsStr::new("a")), (ROOT, OsStr::new("b"))).unwrap();
    assert_eq!(left(&disk, Cut::Dropped).keys().collect::<Vec<_>>(), ["a"]);
    disk.sync(ROOT, false).unwrap();
    assert_eq!(left(&disk, Cut::Dropped).keys().collect::<Vec<_>>(), ["b"]);
    disk.unlink(ROOT, OsStr::new("b")).unwrap();
    assert_eq!(left(&disk, Cut::Dropped).len(), 1);
}

#[test]
fn what_is_torn_keeps_what_was_synced_and_whole_sectors_of_the_rest() {
    let mut disk = Disk::new(None);
    let ino = file(&mut disk, "a", &[1; 4096]);
    disk.sync(ino, false).unwrap();
    disk.sync(ROOT, false).unwrap();
    disk.write(ino, 100, &[2; 3000]).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let bytes = left(&disk, Cut::Torn(&mut Rng::with_seed(seed))).remove("a").unwrap();
        assert!(bytes[..100].iter().chain(&bytes[3100..]).all(|byte| *byte == 1));
        let pieces = [&bytes[100..512], &bytes[512..1024], &bytes[1024..1536], &bytes[3072..3100]];
        assert!(pieces.iter().all(|piece| piece.iter().all(|byte| *byte == piece[0])), "a sector is kept whole or not at all");
        seen.insert(bytes);
    }
    assert!(seen.len() > 20);
}

#[test]
fn a_file_that_is_deaf_to_data_syncs_hears_only_full_ones() {
    let mut disk = Disk::new(Some("db"));
    let ino = file(&mut disk, "db", b"one");
    disk.sync(ROOT, false).unwrap();
    disk.sync(ino, true).unwrap();
    assert_eq!(left(&disk, Cut::Dropped)["db"], b"");
    disk.sync(ino, false).unwrap();
    assert_eq!(left(&disk, Cut::Dropped)["db"], b"one");
}

#[test]
fn a_directory_is_taken_in_as_durable_and_left_as_it_was() {
    let path = tempfile::tempdir().unwrap();
    fs::create_dir(path.path().join("d")).unwrap();
    fs::write(path.path().join("d/f"), b"one").unwrap();
    let disk = Disk::holding(path.path(), None).unwrap();
    let copy = tempfile::tempdir().unwrap();
    disk.leave(&mut Cut::Dropped, copy.path()).unwrap();
    assert_eq!(fs::read(copy.path().join("d/f")).unwrap(), b"one");
}
